// SPDX-License-Identifier: MIT
import hre from "hardhat";
import type { Compiler, CompilerInput, CompilerOutput } from "hardhat/types/solidity";

export interface Compilation {
  input: CompilerInput;
  output: CompilerOutput;
  compiler: Compiler;
}

/** Compiles every Solidity file but the tests under a build profile, and leaves the artifacts alone. */
export async function compileProfile(buildProfile: string): Promise<Compilation[]> {
  const options = { buildProfile, force: true, isolated: false, quiet: true };
  const roots = (await hre.solidity.getRootFilePaths()).filter((path) => !path.endsWith(".t.sol"));
  const planned = await hre.solidity.getCompilationJobs(roots, options);
  if (!("compilationJobsPerFile" in planned)) throw new Error(planned.formattedReason);
  const jobs = [...new Set(planned.compilationJobsPerFile.values())];
  return Promise.all(
    jobs.map(async (job) => ({
      input: await job.getSolcInput(),
      ...(await hre.solidity.runCompilationJob(job, options)),
    })),
  );
}
