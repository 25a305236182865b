/** A secret that the server shows once: to be copied now, or never. */

import { useEffect, useRef } from "preact/hooks";

import { words } from "../words";
import { Command } from "./command";

interface Props {
  /** What it is, and what to do with it. */
  text: string;
  secret: string;
  onClose: () => void;
}

export function Secret({ text, secret, onClose }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => frame.current?.focus(), [secret]);
  return (
    <div class="notice section" data-kind="good" role="status" tabIndex={-1} ref={frame}>
      <p>{text}</p>
      <Command line={secret} />
      <div>
        <button type="button" class="button" onClick={onClose}>
          {words.common.done}
        </button>
      </div>
    </div>
  );
}
