// SPDX-License-Identifier: GPL-3.0-or-later

/** One level of a TCB info. */
export interface TcbLevel {
  sgx: number[];
  pceSvn: number;
  tdx?: number[];
  status: string;
  advisories?: string[];
}

/** One level of a TDX module or a quoting enclave. */
export interface IsvLevel {
  svn: number;
  status: string;
  advisories?: string[];
}

export interface TdxModule {
  version: number;
  mrSigner?: string;
  attributes?: string;
  levels: IsvLevel[];
}

export interface TcbInfoContent {
  tee: "sgx" | "tdx";
  issueDate: string;
  nextUpdate: string;
  fmspc: string;
  pceId: string;
  evaluationNumber: number;
  moduleSigner: string;
  modules: TdxModule[] | undefined;
  levels: TcbLevel[];
}

export interface QeIdentityContent {
  tee: "sgx" | "tdx";
  issueDate: string;
  nextUpdate: string;
  evaluationNumber: number;
  mrSigner: string;
  miscSelect: string;
  attributes: string;
  isvProdId: number;
  levels: IsvLevel[];
}

const ISSUE_DATE = "2027-01-14T00:00:00Z";
const NEXT_UPDATE = "2027-02-13T00:00:00Z";
const TCB_DATE = "2026-03-13T00:00:00Z";
const NO_SIGNER = "0".repeat(96);

export const QE_SIGNER = "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5";

/** The newest level, and one below it. */
export const LEVELS: TcbLevel[] = [
  {
    sgx: [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
    pceSvn: 13,
    tdx: [5, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    status: "UpToDate",
  },
  {
    sgx: [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
    pceSvn: 5,
    tdx: [5, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    status: "OutOfDate",
    advisories: ["INTEL-SA-00106", "INTEL-SA-00837"],
  },
];

export const MODULES: TdxModule[] = [
  { version: 3, levels: [{ svn: 3, status: "UpToDate" }] },
  {
    version: 1,
    levels: [
      { svn: 4, status: "UpToDate" },
      { svn: 2, status: "OutOfDate", advisories: ["INTEL-SA-01036"] },
    ],
  },
];

/** The text of a TCB info, as Intel writes it. */
export function tcbInfoJson(changes: Partial<TcbInfoContent> = {}): string {
  const content: TcbInfoContent = {
    ...{ tee: "tdx", issueDate: ISSUE_DATE, nextUpdate: NEXT_UPDATE, fmspc: "90C06F000000", pceId: "0000" },
    ...{ evaluationNumber: 20, moduleSigner: NO_SIGNER, modules: MODULES, levels: LEVELS },
    ...changes,
  };
  const isTdx = content.tee === "tdx";
  return JSON.stringify({
    id: isTdx ? "TDX" : "SGX",
    version: 3,
    issueDate: content.issueDate,
    nextUpdate: content.nextUpdate,
    fmspc: content.fmspc,
    pceId: content.pceId,
    tcbType: 0,
    tcbEvaluationDataNumber: content.evaluationNumber,
    ...(isTdx ? { tdxModule: moduleIdentity(content.moduleSigner) } : {}),
    ...(isTdx && content.modules ? { tdxModuleIdentities: content.modules.map(moduleJson) } : {}),
    tcbLevels: content.levels.map((level) => levelJson(level, isTdx)),
  });
}

/** The text of a QE identity, as Intel writes it. */
export function qeIdentityJson(changes: Partial<QeIdentityContent> = {}): string {
  const isTdx = (changes.tee ?? "tdx") === "tdx";
  const content: QeIdentityContent = {
    ...{ tee: "tdx", issueDate: ISSUE_DATE, nextUpdate: NEXT_UPDATE, evaluationNumber: 20 },
    ...{ mrSigner: QE_SIGNER, miscSelect: "00000000", attributes: "11000000000000000000000000000000" },
    ...{ isvProdId: isTdx ? 2 : 1 },
    levels: [
      { svn: 6, status: "UpToDate" },
      { svn: 4, status: "OutOfDate", advisories: ["INTEL-SA-00615"] },
      { svn: 2, status: "Revoked" },
    ],
    ...changes,
  };
  return JSON.stringify({
    id: isTdx ? "TD_QE" : "QE",
    version: 2,
    issueDate: content.issueDate,
    nextUpdate: content.nextUpdate,
    tcbEvaluationDataNumber: content.evaluationNumber,
    miscselect: content.miscSelect,
    miscselectMask: "FFFFFFFF",
    attributes: content.attributes,
    attributesMask: "FBFFFFFFFFFFFFFF0000000000000000",
    mrsigner: content.mrSigner.toUpperCase(),
    isvprodid: content.isvProdId,
    tcbLevels: content.levels.map(isvLevelJson),
  });
}

function moduleIdentity(mrsigner: string, attributes = "0000000000000000") {
  return { mrsigner, attributes, attributesMask: "FFFFFFFFFFFFFFFF" };
}

function moduleJson({ version, mrSigner = NO_SIGNER, attributes, levels }: TdxModule) {
  return {
    id: `TDX_${version.toString(16).toUpperCase().padStart(2, "0")}`,
    ...moduleIdentity(mrSigner, attributes),
    tcbLevels: levels.map(isvLevelJson),
  };
}

function isvLevelJson({ svn, status, advisories }: IsvLevel) {
  return { tcb: { isvsvn: svn }, tcbDate: TCB_DATE, tcbStatus: status, ...advisoriesJson(advisories) };
}

function levelJson({ sgx, pceSvn, tdx, status, advisories }: TcbLevel, isTdx: boolean) {
  const categories = ["Early Microcode Update", "SGX Late Microcode Update", "TXT SINIT"];
  const component = (svn: number, place: number) =>
    isTdx && categories[place]
      ? { svn, category: place === 0 ? "BIOS" : "OS/VMM", type: categories[place] }
      : { svn };
  return {
    tcb: {
      sgxtcbcomponents: sgx.map(component),
      pcesvn: pceSvn,
      ...(isTdx && tdx ? { tdxtcbcomponents: tdx.map(component) } : {}),
    },
    tcbDate: TCB_DATE,
    tcbStatus: status,
    ...advisoriesJson(advisories),
  };
}

function advisoriesJson(advisories: string[] | undefined) {
  return advisories ? { advisoryIDs: advisories } : {};
}
