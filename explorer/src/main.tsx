// SPDX-License-Identifier: MIT
import { render } from "preact";
import { App } from "./app.tsx";
import { startClock } from "./state/clock.ts";
import { keepIndexKnown } from "./state/index-about.ts";
import { listen } from "./state/live.ts";
import { followLinks } from "./state/router.ts";
import { applyTheme } from "./state/settings.ts";
import "./style/base.css";
import "./style/frame.css";
import "./style/data.css";
import "./style/claim.css";

const root = document.getElementById("page");
if (root === null) throw new Error("the document has no #page");

applyTheme();
startClock();
followLinks();
keepIndexKnown();
listen();
render(<App />, root);
