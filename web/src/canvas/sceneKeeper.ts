/** Keeps the scene in step with the active graph, the catalogue and the drag under way. */

import { specOf, useCatalogue } from "../store/catalogue";
import { activeGraph, useTabs } from "../store/tabs";
import { typeAt } from "./fitting";
import { buildScene } from "./scene";
import { stage } from "./stage";

function rebuild(): void {
  const { scene, shift } = stage.getState();
  stage.setState({ scene: buildScene(activeGraph(), { specOf, typeAt }, scene, shift) });
}

export function keepScene(): () => void {
  rebuild();
  const stops = [
    useTabs.subscribe((state, before) => {
      if (activeGraph(state) !== activeGraph(before)) rebuild();
    }),
    useCatalogue.subscribe((state, before) => {
      if (state.catalogue !== before.catalogue) rebuild();
    }),
    stage.subscribe((state, before) => {
      if (state.shift !== before.shift) rebuild();
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
