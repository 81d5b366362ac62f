// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * The schema, step by step. A step that was released is never edited: a change is a new step at the end. The number of
 * steps applied is the database's `user_version`.
 *
 * Conventions: ids and addresses are lower-case hex text; wei and other values beyond 2^53 are decimal text; times are
 * unix seconds of the chain's clock unless the column says milliseconds.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT;

  CREATE TABLE batches (
    batch_id         TEXT PRIMARY KEY,
    policy_id        TEXT NOT NULL,
    model_id         TEXT NOT NULL,
    root             TEXT NOT NULL,
    data_root        TEXT NOT NULL,
    count            INTEGER NOT NULL CHECK (count > 0),
    oldest_served_at INTEGER NOT NULL,
    nonce            TEXT NOT NULL
  ) STRICT;

  CREATE TABLE receipts (
    sequence       INTEGER PRIMARY KEY,
    claim_id       TEXT NOT NULL UNIQUE,
    state          TEXT NOT NULL DEFAULT 'served' CHECK (state IN ('served', 'batched')),
    requester      TEXT NOT NULL,
    request_id     TEXT NOT NULL,
    model_id       TEXT NOT NULL,
    policy_id      TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    claim          TEXT NOT NULL,
    signature      TEXT NOT NULL,
    input          BLOB NOT NULL,
    salt           TEXT NOT NULL,
    output         BLOB NOT NULL,
    answer         TEXT NOT NULL,
    served_at      INTEGER NOT NULL,
    commit_by      INTEGER NOT NULL,
    batch_id       TEXT REFERENCES batches (batch_id),
    leaf_index     INTEGER,
    UNIQUE (requester, request_id, model_id),
    CHECK ((state = 'batched') = (batch_id IS NOT NULL)),
    CHECK ((batch_id IS NULL) = (leaf_index IS NULL))
  ) STRICT;
  CREATE INDEX receipts_waiting ON receipts (policy_id, model_id, sequence) WHERE state = 'served';
  CREATE UNIQUE INDEX receipts_leaf ON receipts (batch_id, leaf_index) WHERE batch_id IS NOT NULL;

  CREATE TABLE intents (
    id               INTEGER PRIMARY KEY,
    dedupe_key       TEXT NOT NULL UNIQUE,
    lane             TEXT NOT NULL CHECK (lane IN ('operator', 'watch')),
    kind             TEXT NOT NULL,
    priority         INTEGER NOT NULL,
    subject          TEXT NOT NULL,
    to_address       TEXT NOT NULL,
    data             TEXT NOT NULL,
    value_wei        TEXT NOT NULL,
    state            TEXT NOT NULL DEFAULT 'queued'
                     CHECK (state IN ('queued', 'signed', 'broadcast', 'mined', 'confirmed', 'satisfied', 'failed')),
    cancelling       INTEGER NOT NULL DEFAULT 0 CHECK (cancelling IN (0, 1)),
    sender           TEXT,
    nonce            INTEGER,
    tries            INTEGER NOT NULL DEFAULT 0,
    next_try_at_milliseconds INTEGER NOT NULL DEFAULT 0,
    tx_hash          TEXT,
    block_number     INTEGER,
    error            TEXT,
    CHECK ((sender IS NULL) = (nonce IS NULL)),
    CHECK (state NOT IN ('signed', 'broadcast', 'mined', 'confirmed') OR nonce IS NOT NULL)
  ) STRICT;
  CREATE UNIQUE INDEX intents_nonce ON intents (sender, nonce) WHERE nonce IS NOT NULL;
  CREATE INDEX intents_open ON intents (lane, state) WHERE state IN ('queued', 'signed', 'broadcast', 'mined');

  CREATE TABLE attempts (
    tx_hash      TEXT PRIMARY KEY,
    intent_id    INTEGER NOT NULL REFERENCES intents (id),
    nonce        INTEGER NOT NULL,
    raw          TEXT NOT NULL,
    cancels      INTEGER NOT NULL CHECK (cancels IN (0, 1)),
    max_fee_wei  TEXT NOT NULL,
    tip_wei      TEXT NOT NULL,
    signed_at_block INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX attempts_intent ON attempts (intent_id);

  CREATE TABLE blocks (
    number INTEGER PRIMARY KEY,
    hash   TEXT NOT NULL
  ) STRICT;

  CREATE TABLE events (
    block_number INTEGER NOT NULL,
    log_index    INTEGER NOT NULL,
    block_hash   TEXT NOT NULL,
    tx_hash      TEXT NOT NULL,
    timestamp    INTEGER NOT NULL,
    name         TEXT NOT NULL,
    batch_id     TEXT,
    arguments    TEXT NOT NULL,
    PRIMARY KEY (block_number, log_index)
  ) STRICT;
  CREATE INDEX events_batch ON events (batch_id) WHERE batch_id IS NOT NULL;
  CREATE INDEX events_name ON events (name, block_number);

  CREATE TABLE chain_batches (
    batch_id         TEXT PRIMARY KEY,
    operator         TEXT NOT NULL,
    policy_id        TEXT NOT NULL,
    model_id         TEXT NOT NULL,
    root             TEXT NOT NULL,
    data_root        TEXT NOT NULL,
    count            INTEGER NOT NULL,
    oldest_served_at INTEGER NOT NULL,
    nonce            TEXT NOT NULL,
    committed_at     INTEGER NOT NULL,
    committed_tx     TEXT NOT NULL,
    final_at         INTEGER NOT NULL,
    attested_at      INTEGER,
    attested_tx      TEXT,
    released_tx      TEXT
  ) STRICT;
  CREATE INDEX chain_batches_operator ON chain_batches (operator, committed_at);

  CREATE TABLE chain_claims (
    claim_id      TEXT NOT NULL,
    batch_id      TEXT NOT NULL,
    leaf_index    INTEGER NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('touched', 'challenged', 'rejected')),
    challenger    TEXT,
    challenged_at INTEGER,
    challenged_tx TEXT,
    prove_by      INTEGER,
    kinds         INTEGER NOT NULL DEFAULT 0,
    evidence_at   INTEGER,
    evidence_tx   TEXT,
    rejected_at   INTEGER,
    rejected_tx   TEXT,
    PRIMARY KEY (claim_id, batch_id, leaf_index)
  ) STRICT;
  CREATE INDEX chain_claims_batch ON chain_claims (batch_id);
  CREATE INDEX chain_claims_challenged ON chain_claims (state) WHERE state = 'challenged';

  CREATE TABLE unprovable (
    id      TEXT PRIMARY KEY, -- a claim's, or a batch's that could not be attested
    code    TEXT NOT NULL,
    message TEXT NOT NULL
  ) STRICT;

  CREATE TABLE watched (
    batch_id         TEXT PRIMARY KEY,
    state            TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'checked', 'withheld')),
    claims_checked   INTEGER NOT NULL DEFAULT 0,
    claims_wrong     INTEGER NOT NULL DEFAULT 0,
    claims_unchecked INTEGER NOT NULL DEFAULT 0,
    tries            INTEGER NOT NULL DEFAULT 0,
    next_try_at_milliseconds INTEGER NOT NULL DEFAULT 0,
    error            TEXT
  ) STRICT;

  CREATE TABLE findings (
    claim_id   TEXT PRIMARY KEY,
    batch_id   TEXT NOT NULL,
    leaf_index INTEGER NOT NULL,
    claim      TEXT NOT NULL,
    proof      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('found', 'challenging'))
  ) STRICT;
  `,
  // Settlement keeps one word for each leaf of a batch, and somebody may dispute a leaf whose claim nobody has seen. A
  // ledger belongs to one Settlement, so no ledger has rows of both kinds.
  `
  DROP TABLE chain_claims;
  CREATE TABLE chain_leaves (
    batch_id    TEXT NOT NULL,
    leaf_index  INTEGER NOT NULL,
    claim_id    TEXT, -- not known where nobody showed the claim
    state       TEXT NOT NULL
                CHECK (state IN ('quiet', 'challenged', 'answered', 'rejected', 'voided', 'demanded', 'revealed')),
    kinds       INTEGER NOT NULL DEFAULT 0,
    opener      TEXT, -- who challenged it, or demanded to see it, last
    disputed_at INTEGER,
    disputed_tx TEXT,
    deadline    INTEGER, -- until when that dispute can be answered, exclusive
    evidence_at INTEGER,
    evidence_tx TEXT,
    final_at    INTEGER, -- of a leaf that was revealed or reopened: no earlier than its batch's
    ended_at    INTEGER, -- when it was rejected or voided
    ended_tx    TEXT,
    PRIMARY KEY (batch_id, leaf_index)
  ) STRICT;
  CREATE INDEX chain_leaves_disputed ON chain_leaves (state) WHERE state IN ('challenged', 'demanded');

  -- The same wrong claim may stand at several leaves, each with a bond and a challenge of its own.
  DROP TABLE findings;
  CREATE TABLE findings (
    batch_id   TEXT NOT NULL,
    leaf_index INTEGER NOT NULL,
    claim_id   TEXT NOT NULL,
    claim      TEXT NOT NULL,
    proof      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('found', 'challenging')),
    PRIMARY KEY (batch_id, leaf_index)
  ) STRICT;

  -- Revealed claims of others that were looked at.
  CREATE TABLE revealed_checks (
    batch_id   TEXT NOT NULL,
    leaf_index INTEGER NOT NULL,
    PRIMARY KEY (batch_id, leaf_index)
  ) STRICT;
  `,
];
