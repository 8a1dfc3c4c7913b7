/** Where the editor begins. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { startSession } from "../store/session";
import { language } from "../texts/language";
import { loadRest } from "../widgets/later";
import { App } from "./App";
import { keepKeys } from "./keys";
import { keepPasting } from "./pasting";
import { keepTheme } from "./theme";
import "./theme.css";
import "./elements.css";
import "./surfaces.css";
import "../widgets/widgets.css";
import "../widgets/fields.css";
import "./app.css";
import "./sides.css";

document.documentElement.lang = language;
keepTheme();
keepKeys();
keepPasting();
void startSession();
// Safari has no such callback.
(window.requestIdleCallback ?? window.setTimeout)(() => void loadRest());

const root = document.getElementById("root");
if (root === null) throw new Error("The page has no root element.");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
