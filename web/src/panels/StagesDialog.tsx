/** The stages of a picture side by side, all looked at alike: a cascade's, or those of a chain wired by hand. */

import { ChevronLeft, ChevronRight, Layers } from "lucide-react";
import { useState } from "react";
import { previewOutputs } from "../canvas/previewing";
import type { Dialog } from "../store/shell";
import { type NamedWay, useWay } from "../store/stages";
import { stageTexts as t } from "../texts/stages";
import { Modal } from "./Modal";
import { Empty, Failed, IconButton, Loading } from "./Pieces";
import { type Looking, LookTools, SideBySide, useLooking } from "./SideBySide";

type StagesProps = Extract<Dialog, { kind: "stages" }>;

export function StagesDialog({ node, job }: StagesProps) {
  const [picture, setPicture] = useState(0);
  const looking = useLooking();
  const loaded = useWay(job, node, picture);
  const batch = loaded.kind === "ready" ? loaded.value.batch : 1;
  return (
    <Modal
      full
      bare
      title={t.title}
      tools={
        <>
          {batch > 1 && <Batch picture={picture} count={batch} onPick={setPicture} />}
          <LookTools {...looking} />
        </>
      }
    >
      {loaded.kind === "loading" && <Loading />}
      {loaded.kind === "failed" && <Failed message={loaded.message} hint={loaded.hint} />}
      {loaded.kind === "ready" && <Stages way={loaded.value} fixed={job !== null} looking={looking} />}
    </Modal>
  );
}

interface BatchProps {
  readonly picture: number;
  readonly count: number;
  readonly onPick: (picture: number) => void;
}

function Batch({ picture, count, onPick }: BatchProps) {
  return (
    <>
      <IconButton
        icon={ChevronLeft}
        label={t.previous}
        disabled={picture === 0}
        onClick={() => onPick(picture - 1)}
      />
      <span className="hint">{t.picture(picture + 1, count)}</span>
      <IconButton
        icon={ChevronRight}
        label={t.next}
        disabled={picture >= count - 1}
        onClick={() => onPick(picture + 1)}
      />
    </>
  );
}

interface StagesViewProps {
  readonly way: NamedWay;
  /** The way is that of an earlier run: nothing can be added to it. */
  readonly fixed: boolean;
  readonly looking: Looking;
}

function Stages({ way, fixed, looking }: StagesViewProps) {
  const pictures = way.stages.map((stage) => ({
    key: `${stage.node} ${stage.place}`,
    title: way.nameOf(stage),
    picture: stage.picture,
  }));
  const hidden = way.hidden.length > 0 && !fixed && (
    <span className="stages__hidden">
      {t.hidden(way.hidden.length)}
      <button type="button" className="button" onClick={() => previewOutputs(way.hidden)}>
        {way.hidden.length === 1 ? t.show : t.showAll}
      </button>
    </span>
  );
  const empty = <Empty icon={Layers} title={t.none} hint={t.noneHint} />;
  return <SideBySide pictures={pictures} empty={empty} foot={hidden} {...looking} />;
}
