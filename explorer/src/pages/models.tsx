// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { ask } from "../api/client.ts";
import { type ModelRow, modelRow } from "../api/rows.ts";
import { count } from "../format.ts";
import { ticks } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { Loaded } from "../ui/conditions.tsx";
import { FullId, IdLink } from "../ui/ids.tsx";
import { ListPage } from "../ui/list-page.tsx";
import { type Column, Properties } from "../ui/table.tsx";
import { Time } from "../ui/values.tsx";
import { ClaimsList } from "./claims.tsx";
import { kindsInWords } from "./kinds.ts";

const COLUMNS: Column<ModelRow>[] = [
  {
    title: "Model",
    cell: ({ name, version, modelId }) => (
      <a href={`/models/${modelId}`}>
        {name} <span class="quiet">version {version}</span>
      </a>
    ),
  },
  { title: "Id", cell: ({ modelId }) => <IdLink kind="models" id={modelId} /> },
  { title: "Claims", isNumber: true, cell: ({ claims }) => count(claims, "claim") },
  { title: "Evidence it can have", cell: ({ provenBy }) => kindsInWords(provenBy) },
  { title: "Registered", cell: ({ registered }) => <Time at={registered.at} /> },
];
const SHOWN = 10;

/** All models, the latest first. */
export function ModelsPage() {
  return (
    <ListPage
      title="Models"
      lead="A model's id is the hash of what it is: its specification with its weights, its circuit and its enclave's image."
      path="/models"
      read={modelRow}
      columns={COLUMNS}
      caption="Models"
      tick={ticks.batches}
      keyOf={({ modelId }) => modelId}
      empty={{ title: "No models", words: "A model appears once it is registered." }}
    />
  );
}

/** One model, and claims of it. */
export function ModelPage({ modelId }: { modelId: Hex }) {
  const path = `/models/${modelId}`;
  const found = useResource(path, (signal) => ask(path, modelRow, {}, signal), ticks.batches.value);
  return (
    <>
      <h1>{found.value?.name ?? "Model"}</h1>
      <p class="page-id">
        <FullId id={modelId} />
      </p>
      <Loaded of={found}>
        {(model) => (
          <div class="card">
            <Properties
              items={[
                ["Version", String(model.version)],
                ["Evidence it can have", kindsInWords(model.provenBy)],
                ["Claims", `${count(model.claims, "claim")} in ${count(model.batches, "batch", "batches")}`],
                ["Registered", <Time key="registered" at={model.registered.at} />],
                ["Retired", model.retiredAt === null ? "no" : <Time key="retired" at={model.retiredAt} />],
              ]}
            />
          </div>
        )}
      </Loaded>
      <section aria-labelledby="claims">
        <h2 id="claims">Latest claims</h2>
        <ClaimsList query={{ model: modelId }} limit={SHOWN} />
        <p>
          <a href={`/claims?model=${modelId}`}>All claims of this model</a>
        </p>
      </section>
    </>
  );
}
