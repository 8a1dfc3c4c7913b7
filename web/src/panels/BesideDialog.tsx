/** Two pictures of the gallery side by side, at the same place. */

import { useCallback } from "react";
import { getArtifact } from "../api/pictures";
import type { Dialog } from "../store/shell";
import { useLoaded } from "../store/useLoaded";
import { stageTexts as t } from "../texts/stages";
import { Modal } from "./Modal";
import { Failed, Loading } from "./Pieces";
import { LookTools, SideBySide, useLooking } from "./SideBySide";

type BesideProps = Extract<Dialog, { kind: "beside" }>;

export function BesideDialog({ left, right }: BesideProps) {
  const looking = useLooking();
  const [loaded] = useLoaded(
    useCallback(() => Promise.all([getArtifact(left), getArtifact(right)]), [left, right]),
  );
  return (
    <Modal full bare title={t.beside} tools={<LookTools {...looking} />}>
      {loaded.kind === "loading" && <Loading />}
      {loaded.kind === "failed" && <Failed message={loaded.message} hint={loaded.hint} />}
      {loaded.kind === "ready" && (
        <SideBySide
          pictures={loaded.value.map((picture) => ({ key: picture.id, title: picture.name, picture }))}
          {...looking}
        />
      )}
    </Modal>
  );
}
