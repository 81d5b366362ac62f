// SPDX-License-Identifier: MIT
import { useSignal } from "@preact/signals";
import { index } from "../state/index-about.ts";
import { parseTrusted, proposed, trust, trusted } from "../state/settings.ts";

/**
 * Where the visitor says what to believe: a node of the chain and the Settlement contract. Nothing is taken from the index
 * or from a link without being submitted here.
 */
export function NodeForm() {
  const isEditing = useSignal(false);
  const now = trusted.value;
  const offer = proposed.value;
  if (now !== null && !isEditing.value) {
    return (
      <div class="node-now">
        <p>
          Checked against <code>{now.rpcUrl}</code> and Settlement <code>{now.settlement}</code>
        </p>
        <button
          type="button"
          onClick={() => {
            isEditing.value = true;
          }}
        >
          Change
        </button>
      </div>
    );
  }
  return (
    <NodeFields
      done={() => {
        isEditing.value = false;
      }}
      isFromLink={offer.rpcUrl !== undefined}
    />
  );
}

function NodeFields({ done, isFromLink }: { done: () => void; isFromLink: boolean }) {
  const rpcUrl = useSignal(trusted.value?.rpcUrl ?? proposed.value.rpcUrl ?? "");
  const known = proposed.value.settlement ?? index.value?.settlement;
  const settlement = useSignal(trusted.value?.settlement ?? "");
  const problem = useSignal("");
  const shown = settlement.value === "" ? (known ?? "") : settlement.value;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const choice = parseTrusted(rpcUrl.value, shown);
    if (typeof choice === "string") {
      problem.value = choice;
      return;
    }
    problem.value = "";
    trust(choice);
    done();
  };
  return (
    <form class="node-form" onSubmit={submit} aria-label="What to check against">
      <p>
        {isFromLink
          ? "The link that you followed proposes a node and a contract. Use them if you trust whoever gave it to you."
          : "Whoever runs this page could show you anything. Name a node of the chain that you trust, your own or a public one, and your browser checks every step against it."}
      </p>
      <label>
        <span>Your node (JSON-RPC)</span>
        <input
          type="url"
          name="rpc"
          required
          autocomplete="off"
          spellcheck={false}
          placeholder="http://127.0.0.1:8545"
          value={rpcUrl.value}
          onInput={(event) => {
            rpcUrl.value = event.currentTarget.value;
          }}
        />
      </label>
      <label>
        <span>
          Settlement contract{" "}
          {settlement.value === "" &&
            known !== undefined &&
            "(as named here: compare it with the one you know)"}
        </span>
        <input
          type="text"
          name="settlement"
          required
          autocomplete="off"
          spellcheck={false}
          placeholder="0x…"
          value={shown}
          onInput={(event) => {
            settlement.value = event.currentTarget.value;
          }}
        />
      </label>
      {problem.value !== "" && (
        <p role="alert" class="problem">
          {problem.value}
        </p>
      )}
      <div class="row">
        <button type="submit" class="primary">
          Check against this
        </button>
        {trusted.value !== null && (
          <button
            type="button"
            onClick={() => {
              trust(null);
              done();
            }}
          >
            Forget the node
          </button>
        )}
      </div>
      <p class="quiet">Remembered in this browser alone. The node learns which claims you look at.</p>
    </form>
  );
}
