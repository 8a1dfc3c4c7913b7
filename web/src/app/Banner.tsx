/** What everyone must know: the server is away, or the nodes could not be had. */

import { CloudOff, LoaderCircle } from "lucide-react";
import { useCatalogue } from "../store/catalogue";
import { useSession } from "../store/session";
import { appTexts } from "../texts/app";

export function Banner() {
  const lost = useSession((state) => state.connection === "lost");
  const catalogue = useCatalogue((state) => state.state);
  const problem = useCatalogue((state) => state.problem);
  if (lost) {
    return (
      <div className="banner banner--warning" role="status">
        <CloudOff size={15} aria-hidden="true" /> {appTexts.lost}
      </div>
    );
  }
  if (catalogue === "failed") {
    return (
      <div className="banner banner--warning" role="status">
        <LoaderCircle size={15} aria-hidden="true" /> {appTexts.noCatalogue} {problem}
      </div>
    );
  }
  return null;
}
