/**
 * A page: its title takes the focus when one comes to it, so that a screen reader says where one is. The page that one
 * begins with leaves the focus to the browser, so that the first Tab reaches the link that skips the menu.
 */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { words } from "../words";

export interface Crumb {
  text: string;
  href: string;
}

let shown = location.pathname;

function takesFocus(): boolean {
  const isAnother = shown !== location.pathname;
  shown = location.pathname;
  // Before a key or a click there is nobody to take the focus from; later, a title that changes must not take it.
  return isAnother || (document.activeElement === document.body && "userActivation" in navigator && navigator.userActivation.hasBeenActive);
}

interface Props {
  title: string;
  /** Where the page lies, outermost first, without itself. */
  crumbs?: Crumb[];
  /** Beside the title: badges, facts in a word. */
  aside?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

export function Page({ title, crumbs = [], aside, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${words.common.name}`;
    if (takesFocus()) heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <>
      <header class="page-head">
        {crumbs.length > 0 && (
          <nav class="crumbs" aria-label={words.common.crumbs}>
            <ol class="row plain">
              {crumbs.map((one) => (
                <li key={one.href}>
                  <a href={one.href}>{one.text}</a>
                </li>
              ))}
            </ol>
          </nav>
        )}
        <div class="row">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {aside}
        </div>
        {actions !== undefined && <div class="row">{actions}</div>}
      </header>
      <div class="stack">{children}</div>
    </>
  );
}

/** A part of a page, named by its heading. */
export function Section({ title, actions, children }: Pick<Props, "title" | "actions" | "children">) {
  return (
    <section class="section" aria-label={title}>
      <div class="row spread">
        <h2>{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}
