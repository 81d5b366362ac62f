// SPDX-License-Identifier: MIT
import { useSignal } from "@preact/signals";
import { index } from "../state/index-about.ts";
import { useResource } from "../state/resource.ts";
import { trusted } from "../state/settings.ts";
import { Empty, Loaded } from "../ui/conditions.tsx";
import { bring, brought } from "../ui/drop-target.tsx";
import { FullId } from "../ui/ids.tsx";
import { NodeForm } from "../ui/node-form.tsx";
import { Verification } from "../ui/verification.tsx";

/** Checks a receipt or a bundle that the visitor has as a file or as text. No index is asked. */
export function CheckPage() {
  const file = brought.value;
  return (
    <>
      <h1>Check a file</h1>
      <p class="lead">
        A receipt is the operator's signed promise; a bundle holds everything about one claim. Either is
        checked here, in your browser: it is sent nowhere.
      </p>
      <FileChoice />
      {file === null ? (
        <Empty title="No file yet">Drop one anywhere on this page, choose one, or paste its text.</Empty>
      ) : "problem" in file ? (
        <p class="problem" role="alert">
          {file.name}: {file.problem}
        </p>
      ) : (
        <FileView name={file.name} text={file.text} />
      )}
    </>
  );
}

function FileChoice() {
  const pasted = useSignal("");
  return (
    <div class="file-choice card">
      <label>
        <span>Choose a file</span>
        <input
          type="file"
          accept="application/json,.json"
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            if (file) void bring(file);
          }}
        />
      </label>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (pasted.value.trim() !== "") brought.value = { name: "The pasted text", text: pasted.value };
        }}
      >
        <label>
          <span>Or paste its text</span>
          <textarea
            rows={3}
            spellcheck={false}
            value={pasted.value}
            onInput={(event) => {
              pasted.value = event.currentTarget.value;
            }}
          />
        </label>
        <button type="submit">Check the text</button>
      </form>
    </div>
  );
}

function FileView({ name, text }: { name: string; text: string }) {
  const choice = trusted.value;
  const about = index.value;
  const stated = about && { chainId: BigInt(about.chainId), settlement: about.settlement };
  const key = `${name} ${text} ${choice?.rpcUrl} ${choice?.settlement} ${about?.settlement}`;
  const found = useResource(key, async () => {
    const { readFile } = await import("../verify/file.ts");
    return readFile(text, choice, stated);
  });
  return (
    <Loaded of={found}>
      {(file) => {
        if ("problem" in file) {
          return (
            <p class="problem" role="alert">
              {name} cannot be judged: {file.problem}
            </p>
          );
        }
        if ("needsContract" in file) {
          return (
            <section class="verification" aria-label="What to check against">
              <p>A receipt does not say which contract it is about. Name the one that you trust.</p>
              <NodeForm />
            </section>
          );
        }
        return (
          <>
            <p>
              <strong>{name}</strong> is a {file.what} of the claim{" "}
              <FullId kind="claims" id={file.subject.bundle.receipt.claimId} />
            </p>
            <Verification subject={file.subject} subjectKey={key} />
          </>
        );
      }}
    </Loaded>
  );
}
