/** The shell: bar above, rail and dock on the left, canvas in the middle, inspector on the right. */

import { useEffect } from "react";
import { Canvas } from "../canvas/Canvas";
import { registerActions } from "../store/actions";
import { appActions } from "./appActions";
import { Banner } from "./Banner";
import { Breadcrumbs } from "./Breadcrumbs";
import { Dock } from "./Dock";
import { FileDrop } from "./FileDrop";
import { Notices } from "./Notices";
import { Rail } from "./Rail";
import { TopBar } from "./TopBar";

export function App() {
  useEffect(() => registerActions(appActions()), []);
  return (
    <div className="app">
      <TopBar />
      <div className="app__body">
        <Rail />
        <Dock />
        <main className="app__main">
          <Banner />
          <Breadcrumbs />
          <Canvas />
        </main>
      </div>
      <Notices />
      <FileDrop />
    </div>
  );
}
