// SPDX-License-Identifier: MIT
import { expect } from "chai";
import { runCampaign } from "../../scripts/fuzz-enclave/campaign.ts";
import { refusalNames, SIGNATURE_ERRORS } from "../../scripts/fuzz-enclave/errors.ts";
import { mutantOf } from "../../scripts/fuzz-enclave/mutate.ts";
import { randomOf } from "../../scripts/fuzz-enclave/random.ts";
import { KINDS, type Kind, type Subject } from "../../scripts/fuzz-enclave/subject.ts";
import { subjectsOf } from "../../scripts/fuzz-enclave/subjects.ts";

const [COUNT, SEED] = [320, 1];
const OWN_ONLY = { nitro: undefined, dcap: undefined };

describe("The fuzz of enclaves' documents", function () {
  this.timeout(300_000);

  for (const kind of KINDS) {
    it(`accepts none of ${COUNT} mutants of ${kind}, refuses all by name, and some by their signature`, async () => {
      await withSubjects(kind, async (subjects) => {
        const result = await runCampaign(
          subjects,
          { seed: SEED, count: COUNT, nameOf: await refusalNames() },
          () => {},
        );
        expect(result.accepted).to.deep.equal([]);
        expect(result.untyped).to.equal(0);
        const names = Object.entries(result.refusals[kind] ?? {});
        expect(names.reduce((sum, [, count]) => sum + count, 0)).to.equal(COUNT);
        const signed = names.filter(([name]) => SIGNATURE_ERRORS.has(name));
        expect(signed.reduce((sum, [, count]) => sum + count, 0)).to.be.above(COUNT / 20);
      });
    });
  }

  it("notices a verifier that accepts everything", async () => {
    await withSubjects("sgx", async (subjects) => {
      // No code stands there: every call succeeds.
      const gullible = subjects.map((subject): Subject => ({ ...subject, target: `0x${"11".repeat(20)}` }));
      const { accepted } = await runCampaign(gullible, { seed: SEED, count: 20, nameOf: String }, () => {});
      expect(accepted).to.have.length(20);
      expect(accepted[0]).to.include({ seed: SEED, turn: 0, subject: gullible[0]?.name });
    });
  });

  it("makes the same mutants of the same seed, and others of another", async () => {
    await withSubjects("tdx", async ([subject]) => {
      if (!subject) throw new Error("there is no quote");
      const make = (seed: number) => mutantOf(subject, randomOf(seed, 7));
      expect(make(1)).to.deep.equal(make(1));
      expect(make(1)).not.to.deep.equal(make(2));
    });
  });
});

async function withSubjects(kind: Kind, use: (subjects: Subject[]) => Promise<void>): Promise<void> {
  const subjects = await subjectsOf([kind], OWN_ONLY);
  try {
    await use(subjects);
  } finally {
    await Promise.all(subjects.map(({ chain }) => chain.close()));
  }
}
