import "./styles/index.css";

import { render } from "preact";

import { App } from "./app";

// To the router, two slashes at the beginning would be another host.
if (location.pathname.startsWith("//")) location.replace(location.pathname.replace(/^\/+/, "/"));

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
