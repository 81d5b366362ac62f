// SPDX-License-Identifier: MIT
import { useEffect, useState } from "preact/hooks";
import { utc } from "../format.ts";
import { trusted } from "../state/settings.ts";
import type { Subject } from "../verify/judge.ts";
import type { Finding, Judgement, Step } from "../verify/step.ts";
import { NodeForm } from "./node-form.tsx";
import { StatusTag } from "./values.tsx";

const FINDING_WORDS: Record<Finding, string> = { checked: "checked", wrong: "wrong", unknown: "cannot tell" };

/** Checks a claim in this browser and says step by step what was found. `subjectKey` tells one subject from another. */
export function Verification({ subject, subjectKey }: { subject: Subject; subjectKey: string }) {
  const choice = trusted.value;
  const [attempt, setAttempt] = useState(0);
  const key = `${subjectKey} ${choice?.rpcUrl} ${choice?.settlement} ${attempt}`;
  const [found, setFound] = useState<{ key: string; judgement: Judgement } | undefined>();
  useEffect(() => {
    let isCurrent = true;
    // The verifiers are most of the code, and lists do without them.
    import("../verify/judge.ts")
      .then(({ judge }) => judge(subject, choice))
      .then((judgement) => isCurrent && setFound({ key, judgement }))
      .catch((error: unknown) => isCurrent && setFound({ key, judgement: unverifiable(error) }));
    return () => {
      isCurrent = false;
    };
  }, [key]);
  const isBusy = found?.key !== key;
  return (
    <section class="verification" aria-labelledby="verification" aria-busy={isBusy}>
      <h2 id="verification">Checked in your browser</h2>
      <NodeForm />
      {found === undefined ? (
        <p class="quiet" role="status">
          Checking …
        </p>
      ) : (
        <>
          <Verdict judgement={found.judgement} isBusy={isBusy} again={() => setAttempt((last) => last + 1)} />
          <ol class="steps">
            {found.judgement.steps.map((step) => (
              <StepLine key={step.name} step={step} />
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function unverifiable(error: unknown): Judgement {
  const reason = `The verifiers failed or could not be loaded: ${error instanceof Error ? error.message : error}`;
  const step: Step = { name: "verifiers", title: "Verifiers", finding: "unknown", reason, facts: [] };
  return { finding: "unknown", steps: [step] };
}

function Verdict({ judgement, isBusy, again }: { judgement: Judgement; isBusy: boolean; again: () => void }) {
  const { against, chainStatus, finding } = judgement;
  const isLost = chainStatus === "Rejected" || chainStatus === "Voided";
  return (
    <div class={`verdict ${isLost && finding === "checked" ? "lost" : finding}`} role="status">
      <Mark finding={isLost && finding === "checked" ? "wrong" : finding} />
      <div>
        <p class="verdict-title">{isBusy ? "Checking again …" : verdictTitle(judgement)}</p>
        {against !== undefined && (
          <p class="quiet">
            Chain {against.chainId}, block {against.blockNumber} of {utc(against.blockSeconds)}
            {chainStatus !== undefined && (
              <>
                {" "}
                · the contract says <StatusTag status={chainStatus} />
              </>
            )}
          </p>
        )}
      </div>
      <button type="button" onClick={again} disabled={isBusy}>
        Check again
      </button>
    </div>
  );
}

function verdictTitle({ finding, chainStatus, finality, steps, against }: Judgement): string {
  if (finding === "wrong") return "Something here is wrong. Do not rely on it.";
  if (finding === "unknown" && against === undefined) return "Cannot tell: no node of yours was asked.";
  if (finding === "unknown") {
    const open = steps.filter((step) => step.finding === "unknown").length;
    if (finality === "chain") return "Final by the chain's word: its evidence was not checked here.";
    return `Cannot tell: ${open} of ${steps.length} steps are open.`;
  }
  if (chainStatus === "Rejected") return "It all fits: the chain has rejected this answer. Do not use it.";
  if (chainStatus === "Voided")
    return "It all fits: the dispute about this answer was voided. Do not rely on it.";
  if (finality === "clock")
    return "It all holds, and the claim is final by the clock: there is no evidence to check.";
  if (finality === "evidence") return "It all holds, evidence included, and the claim is final.";
  return "It all holds. The claim is not final yet.";
}

function StepLine({ step: { title, finding, reason, facts } }: { step: Step }) {
  return (
    <li class={`step ${finding}`}>
      <Mark finding={finding} />
      <div class="step-body">
        <p class="step-title">
          {title} <span class="finding">{FINDING_WORDS[finding]}</span>
        </p>
        <p>{reason}</p>
        {facts.length > 0 && (
          <dl class="step-facts">
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        )}
      </div>
    </li>
  );
}

function Mark({ finding }: { finding: Finding }) {
  return (
    <svg class={`mark ${finding}`} viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="11" />
      {finding === "checked" && <path d="M7 12.5l3.2 3.2L17 9" />}
      {finding === "wrong" && <path d="M8 8l8 8M16 8l-8 8" />}
      {finding === "unknown" && <path d="M9 9.5a3 3 0 1 1 4 2.8c-.7.3-1 .8-1 1.7M12 17.2v.1" />}
    </svg>
  );
}
