// SPDX-License-Identifier: MIT
import { parseBatchHeader } from "@meantime/sdk/batch";
import { type Claim, parseClaim } from "@meantime/sdk/claim";
import { MeantimeError } from "@meantime/sdk/errors";
import { asHex32, type Hex, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { parseReceipt } from "@meantime/sdk/receipt";
import type { ComponentChildren } from "preact";
import { ask, IndexError } from "../api/client.ts";
import { type ClaimAnswer, claimAnswer, type Moment } from "../api/shapes.ts";
import { index as indexAbout } from "../state/index-about.ts";
import { ticks } from "../state/live.ts";
import { type Resource, useResource } from "../state/resource.ts";
import { isOpen, STATUS_WORDS } from "../status.ts";
import { Loaded } from "../ui/conditions.tsx";
import { FullId } from "../ui/ids.tsx";
import { Properties } from "../ui/table.tsx";
import { Timeline } from "../ui/timeline.tsx";
import { StatusTag, Time } from "../ui/values.tsx";
import { Verification } from "../ui/verification.tsx";
import type { Subject } from "../verify/judge.ts";
import { parseOpening } from "../verify/opening.ts";

/** One claim: how it stands, what happened to it, and whether it holds. */
export function ClaimPage({ claimId }: { claimId: Hex }) {
  const found: Resource<ShownClaim> = useResource(
    claimId,
    async (signal) => toShow(await ask(`/claims/${claimId}`, claimAnswer, {}, signal), claimId),
    ticks.claims.value + ticks.batches.value,
  );
  return (
    <>
      <h1>Claim</h1>
      <p class="page-id">
        <FullId id={claimId} />
      </p>
      <Loaded of={found} rows={6}>
        {(shown) => <ClaimView shown={shown} />}
      </Loaded>
    </>
  );
}

/** An answer whose parts are of their form. Whether they are true is judged. */
interface ShownClaim {
  answer: ClaimAnswer;
  claim: Claim;
  parts: Omit<Subject["bundle"], "domain">;
  isSigned: boolean;
}

const NO_SIGNATURE: Hex = `0x${"00".repeat(65)}`;

function toShow(answer: ClaimAnswer, claimId: Hex): ShownClaim {
  try {
    if (answer.claimId !== claimId) {
      throw new MeantimeError("MT-SDK-110", "the answer is about another claim", {
        hint: "Ask another index.",
      });
    }
    const claim = parseClaim(answer.claim);
    const signature = signatureOf(answer.receipt);
    const opening = parseOpening(answer.opening);
    const receipt =
      signature === undefined ? undefined : parseReceipt({ claim: answer.claim, claimId, signature });
    return {
      ...{ answer, claim, isSigned: receipt !== undefined },
      parts: {
        receipt: receipt ?? { claim, claimId, signature: NO_SIGNATURE },
        evidence: [],
        ...(opening ? { opening } : {}),
        ...(answer.index !== null && answer.header ? { inclusion: inclusionOf(answer, answer.index) } : {}),
      },
    };
  } catch (error) {
    if (error instanceof MeantimeError) throw new IndexError("malformed", error.message, error);
    throw error;
  }
}

/** The signature alone: the claim that it is held to is the one that is shown, not another in the receipt. */
function signatureOf(receipt: unknown): unknown {
  if (receipt === null || receipt === undefined) return undefined;
  return typeof receipt === "object" && "signature" in receipt ? receipt.signature : receipt;
}

function inclusionOf({ header, proof }: ClaimAnswer, index: number) {
  const path = Array.isArray(proof) ? proof.map((one, at) => asHex32(one, `proof[${at}]`)) : [];
  return { header: parseBatchHeader(header), index, proof: path };
}

function ClaimView({ shown: { answer, claim, parts, isSigned } }: { shown: ShownClaim }) {
  const { status, timeline, evidence, batchId } = answer;
  const about = indexAbout.value;
  const domain = {
    chainId: BigInt(about?.chainId ?? 0),
    settlement: about?.settlement ?? ZERO_ADDRESS,
  };
  const subject: Subject = {
    bundle: { ...parts, domain },
    ...{ origin: "index", isSigned, statedStatus: status },
    transactions: evidence.map(({ tx }) => tx),
  };
  return (
    <div class="claim-grid">
      <section class="card" aria-labelledby="standing">
        <h2 id="standing">
          How it stands <StatusTag status={status} />
        </h2>
        <p>{STATUS_WORDS[status]}</p>
        <p class="quiet">
          This is what the index says. What your browser finds stands under "Checked in your browser".
        </p>
      </section>
      <Verification subject={subject} subjectKey={JSON.stringify([answer, about?.settlement])} />
      <section class="card" aria-labelledby="happened">
        <h2 id="happened">What happened</h2>
        <Timeline moments={[...timeline, ...expected(answer)]} />
      </section>
      <section class="card" aria-labelledby="fields">
        <h2 id="fields">What was claimed</h2>
        <Properties items={claimItems(claim, batchId, answer.index)} />
        <OpeningView opening={parts.opening} />
      </section>
    </div>
  );
}

/** What the clock will bring unless something happens before. */
function expected({ status, finalAt, deadline, timeline }: ClaimAnswer): Moment[] {
  const ahead = (what: string, at: number) => [{ what, at, block: null, tx: null }];
  if (status === "Challenged") return deadline === null ? [] : ahead("deadline", deadline);
  const isKnown = finalAt === null || timeline.some(({ what }) => what === "final");
  return isKnown || !isOpen(status) ? [] : ahead("final", finalAt);
}

function claimItems(claim: Claim, batchId: Hex | null, index: number | null): [string, ComponentChildren][] {
  const { operator, modelId, policyId, requester, requestId } = claim;
  return [
    ["Operator", <FullId key="operator" kind="operators" id={operator} />],
    ["Model", <FullId key="model" kind="models" id={modelId} />],
    ["Policy", <FullId key="policy" kind="policies" id={policyId} />],
    ["Batch", batchId === null ? "none yet" : <FullId key="batch" kind="batches" id={batchId} />],
    ["Place in the batch", index === null ? "none yet" : `leaf ${index}`],
    ["Requester", requester === ZERO_ADDRESS ? "nobody" : <FullId key="requester" id={requester} />],
    ["Request", requestId === ZERO_HASH ? "none" : <FullId key="request" id={requestId} />],
    ["Input's hash", <FullId key="input" id={claim.inputHash} />],
    ["Output's hash", <FullId key="output" id={claim.outputHash} />],
    ["Served", <Time key="served" at={Number(claim.servedAt)} />],
    ["To be committed by", <Time key="by" at={Number(claim.commitBy)} />],
  ];
}

const SHOWN_BYTES = 256;

function OpeningView({ opening }: { opening: Subject["bundle"]["opening"] }) {
  if (opening === undefined)
    return <p class="quiet">Input and output are not shown: they are private, or not published yet.</p>;
  const { input, output, salt } = opening;
  return (
    <details>
      <summary>Input and output</summary>
      <Properties
        items={[
          [`Input, ${input.length} bytes`, <code key="input">{listOf(input)}</code>],
          [`Output, ${output.length} bytes`, <code key="output">{listOf(output)}</code>],
          ["Salt", <code key="salt">{salt}</code>],
        ]}
      />
    </details>
  );
}

function listOf(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, SHOWN_BYTES)].join(" ");
  return bytes.length > SHOWN_BYTES ? `${shown} … and ${bytes.length - SHOWN_BYTES} more` : shown;
}
