// SPDX-License-Identifier: MIT
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { matchPage } from "./pages.tsx";
import { place } from "./state/router.ts";
import { DropTarget } from "./ui/drop-target.tsx";
import { News } from "./ui/news.tsx";
import { PageFoot } from "./ui/page-foot.tsx";
import { PageHead } from "./ui/page-head.tsx";

/** The whole page: head, what the address asks for, foot. */
export function App() {
  const { path } = place.value;
  const { title, page } = matchPage(path);
  return (
    <DropTarget>
      <a class="skip" href="#main" data-leaves>
        Skip to the content
      </a>
      <PageHead />
      <News />
      <Main title={title} path={path}>
        {page}
      </Main>
      <PageFoot />
    </DropTarget>
  );
}

function Main({ title, path, children }: { title: string; path: string; children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = title === "Overview" ? "Meantime" : `${title} · Meantime`;
  }, [title]);
  useEffect(() => {
    // Whoever reads by ear or key starts at the new content, not where the link was.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [path]);
  return (
    <main id="main" ref={main} tabIndex={-1}>
      {children}
    </main>
  );
}
