// SPDX-License-Identifier: MIT
import { index } from "../state/index-about.ts";
import { connection, head } from "../state/live.ts";
import { source } from "../state/settings.ts";
import { Time } from "./values.tsx";

const CONNECTION_WORDS = { connecting: "connecting", live: "live", offline: "offline" };

/** Where the data come from and how fresh they are. */
export function PageFoot() {
  const about = index.value;
  return (
    <footer class="foot">
      <p>
        <span class={`connection is-${connection.value}`}>{CONNECTION_WORDS[connection.value]}</span>
        {head.value !== null && (
          <>
            {" "}
            block {head.value.number}, <Time at={head.value.timestamp} />
          </>
        )}
      </p>
      <p class="quiet">
        Data from <code>{source.value}</code>
        {about !== null && (
          <>
            , about Settlement <code>{about.settlement}</code> on chain {about.chainId}
          </>
        )}
        . They are what the index says; green is only what your browser checked against your own node.
      </p>
    </footer>
  );
}
