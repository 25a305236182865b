/** The focus of a keyboard is never lost: what had it may go, and then the page's heading takes it. */

import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Once what is being drawn is there, the heading takes the focus if nothing else has it. */
export function caught(): void {
  setTimeout(() => {
    if (document.activeElement === document.body) {
      document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
    }
  });
}

/**
 * Catch the focus that an element takes along when it goes; a reader whose focus is elsewhere is left alone. The cleanup
 * of an effect would come when the element has gone, and no focus could be seen in it.
 */
export function useCaught(element: RefObject<HTMLElement | null>): void {
  useLayoutEffect(
    () => () => {
      if (element.current?.contains(document.activeElement) === true) caught();
    },
    [],
  );
}
