/** Parses Markdown apart from the page, which can end it: some texts keep any parser busy for minutes. */

import { parsed } from "./markdown-parse";

addEventListener("message", ({ data }: MessageEvent<string>) => {
  postMessage(parsed(data));
});
