// SPDX-License-Identifier: GPL-3.0-or-later

import { type ErrorArguments, timeText } from "./error-arguments.ts";

/** What was found, and what to do about it. */
type Explanation = readonly [what: string, remedy: string];
type Explain = (args: ErrorArguments) => Explanation;

const ALTERED = "The document was altered or cut on its way: take it anew from the machine, byte for byte.";
const NOT_GENUINE = "Do not trust this machine before you know where its document comes from.";
const ATTEST_AGAIN = "Attest again and use the new document at once.";
const NEW_COLLATERAL = "Fetch collateral anew from Intel's service or a PCCS, and try again.";
const RUN_IN_PRODUCTION = "Start it without debug mode; an enclave that can be looked into proves nothing.";
const UPDATE_PLATFORM = "Update microcode, BIOS and TDX module of the platform, then attest again.";
const DOCUMENT_KINDS = [
  "the root's revocation list",
  "the PCK revocation list",
  "the TCB info",
  "the QE identity",
];

/** What each custom error of the enclave contracts says, by its name. */
export const REASONS: Readonly<Record<string, Explain | undefined>> = {
  ...nitroReasons(),
  ...chainReasons(),
  ...signatureReasons(),
  ...quoteReasons(),
  ...platformReasons(),
  ...collateralReasons(),
  ...encodingReasons(),
  ...registryReasons(),
};

function nitroReasons(): Record<string, Explain> {
  return {
    NotCose: () => [
      "it is no COSE_Sign1 with ECDSA over SHA-384, as the Nitro security module makes them",
      ALTERED,
    ],
    DocumentSignatureLength: (a) => [`its signature has ${a.number(0)} bytes in place of 96`, ALTERED],
    DocumentKeyUnknown: (a) => [`its payload has the key ${a.packedText(0)}, which no document has`, ALTERED],
    DocumentKeyTwice: (a) => [`its payload has the key ${a.packedText(0)} twice`, ALTERED],
    DocumentKeysMissing: (a) => [`its payload lacks ${missingKeys(a.number(0))}`, ALTERED],
    DocumentLimit: (a) => [
      `${a.number(0) === 0 ? "its payload" : `its field ${a.packedText(0)}`} has a length of ${a.number(1)}; at most ${a.number(2)} is allowed`,
      "Make it shorter in the enclave; the limits are those of AWS's specification.",
    ],
    DocumentDigest: (a) => [`its measurements were made with ${a.packedText(0)}, not SHA384`, ALTERED],
    DocumentPcr: (a) => [
      `its PCR ${a.number(0)} is there twice, or has no such number as PCRs have`,
      ALTERED,
    ],
    DocumentAge: (a) => [
      `it was made at ${timeText(a.number(0) / 1000)}, which is in the future or ${a.number(1)} seconds ago or more`,
      `${ATTEST_AGAIN} If it is new, correct the clock.`,
    ],
    NotTheRoot: (a) => [
      `its chain does not begin with the pinned root: the first certificate's content has hash ${a.hex(0)}`,
      `It was not issued by the root that counts here. ${NOT_GENUINE}`,
    ],
    HintsMissing: (a) => [
      `${a.number(0)} hints were given, and more signatures are to be verified`,
      "The chain could not be read to the end, or a certificate was revoked meanwhile: build the hints anew.",
    ],
    HintsLeft: (a) => [
      `${a.number(0)} hints were given and ${a.number(1)} needed`,
      "Somebody verified a certificate of this chain meanwhile: build the hints anew.",
    ],
    BadCryptography: (a) => [
      `the contract at ${a.hex(0)} does not compute what it has to`,
      "Deploy P384 and Sha384 of this version and name their addresses.",
    ],
  };
}

function chainReasons(): Record<string, Explain> {
  return {
    ChainNotValid: (a) => [
      `${certificateAt(a)} is valid from ${a.time(1)} to ${a.time(2)}${a.at === undefined ? "" : `, not at ${timeText(a.at)}`}`,
      ATTEST_AGAIN,
    ],
    ChainRevoked: (a) => [`${certificateAt(a)} was revoked by the guardian`, NOT_GENUINE],
    ChainNotAuthority: (a) => [
      `${certificateAt(a)} may not sign certificates, or not so many levels above the enclave's`,
      NOT_GENUINE,
    ],
    ChainNotEndEntity: (a) => [
      `${certificateAt(a)} is an authority's or may not sign documents`,
      NOT_GENUINE,
    ],
    ChainCertificateTooLong: (a) => [`${certificateAt(a)} is longer than 1,024 bytes`, ALTERED],
    ChainNotIssuedBy: (a) => [`${certificateAt(a)} was not issued by the one before it`, ALTERED],
    ChainAlgorithm: (a) => [`${certificateAt(a)} is not ECDSA with SHA-384 over P-384`, NOT_GENUINE],
  };
}

function signatureReasons(): Record<string, Explain> {
  const wrong: Explain = (a) => [
    `the signature on ${a.badSignature ?? "the document or a certificate"} is wrong`,
    ALTERED,
  ];
  return {
    BadHint: (a) =>
      a.badSignature === undefined
        ? [`the hints are wrong at byte ${a.number(0)}`, "Build them anew with `p384Hints` of the SDK."]
        : wrong(a),
    BadSignature: wrong,
    BadKey: () => ["a certificate's key is no point of P-384", NOT_GENUINE],
    BadLength: (a) => [`a signature is judged by 240 bytes, not ${a.number(0)}`, ALTERED],
    QeReportSignatureWrong: () => ["the platform's key did not sign the quoting enclave's report", ALTERED],
    QeReportDataWrong: () => ["the quoting enclave's report is about another attestation key", ALTERED],
    QuoteSignatureWrong: () => ["the attestation key did not sign the quote", ALTERED],
    PckSignatureWrong: () => [
      "the PCK certificate is not signed by the authority that it names",
      NOT_GENUINE,
    ],
    SignatureWrong: () => [
      "its signature is not that of the authority, or the chain has no precompile for P-256",
      NEW_COLLATERAL,
    ],
    SignatureLength: (a) => [`its signature has ${a.number(0)} bytes in place of 64`, NEW_COLLATERAL],
  };
}

function quoteReasons(): Record<string, Explain> {
  return {
    QuoteVersion: (a) => [
      `quotes of version ${a.number(0)} are not read: SGX has 3 to 5, TDX 4 and 5`,
      ALTERED,
    ],
    QuoteKeyType: (a) => [
      `it is signed by a key of type ${a.number(0)}, not 2 (P-256)`,
      "Ask the quoting enclave for ECDSA over P-256.",
    ],
    QuoteTee: (a) => [`it is of TEE ${a.hex(0)}, neither SGX nor TDX`, ALTERED],
    QuoteVendor: (a) => [
      `its quoting enclave is of vendor ${a.hex(0)}, not Intel`,
      "Use Intel's quoting enclave.",
    ],
    QuoteBody: (a) => [
      `its report is of type ${a.number(0)} with ${a.number(1)} bytes, which does not fit`,
      ALTERED,
    ],
    QuoteLength: (a) => [`${a.number(1)} bytes were signed in place of ${a.number(0)}`, ALTERED],
    AuthenticationLength: (a) => [`its authentication has ${a.number(0)} bytes, fewer than 576`, ALTERED],
    DebugEnclave: (a) => [debugText(a), RUN_IN_PRODUCTION],
    TdAttributes: (a) => [
      `the trust domain's attributes are ${a.hex(0)}: SEPT_VE_DISABLE is missing or a reserved bit is set`,
      "Start the domain with SEPT_VE_DISABLE and without reserved attributes.",
    ],
    ServiceTdNotAllowed: (a) => [
      `the trust domain is bound to a service domain (keccak256 of its MRSERVICETD: ${a.hex(0)}) that the policy does not name`,
      "Start it without a service domain; or, if you know which one it is, let the policy name it (--service-td).",
    ],
    TcbStatusNotAllowed: (a) => [
      `the platform's status is ${a.status(0)}, which the policy does not allow`,
      a.status(0) === "Revoked" ? `It counts for nothing any more. ${NOT_GENUINE}` : UPDATE_PLATFORM,
    ],
  };
}

function platformReasons(): Record<string, Explain> {
  const pckRemedy = "Ask the platform's provider for a quote under its current PCK certificate.";
  return {
    NotPckCertificate: (a) => [
      `the certificate in the quote is no PCK certificate (name hash ${a.hex(0)})`,
      ALTERED,
    ],
    PckFieldMalformed: (a) => [
      `the PCK certificate's SGX extension has a malformed field ${a.hex(0)}`,
      NOT_GENUINE,
    ],
    PckFieldsMissing: () => ["the PCK certificate's SGX extension lacks fields", NOT_GENUINE],
    PckIssuerUnknown: (a) => [
      `no authority here issued the PCK certificate (issuer id ${a.hex(0)})`,
      "Give the collateral of this platform's authority, Platform or Processor CA (--collateral); under another root it never counts.",
    ],
    PckIssuerNotValid: (a) => [
      `the authority above the PCK certificate, or the root, is valid from ${a.time(0)} to ${a.time(1)}, not at ${a.time(2)}`,
      pckRemedy,
    ],
    PckIssuerRevoked: () => ["the root has revoked the authority above the PCK certificate", NOT_GENUINE],
    PckRevoked: (a) => [`the platform's certificate, serial ${a.hex(0)}, is revoked`, NOT_GENUINE],
    CertificateNotValid: (a) => [
      `a certificate is valid from ${a.time(0)} to ${a.time(1)}, not at ${a.time(2)}`,
      pckRemedy,
    ],
    QeMismatch: () => ["the quoting enclave is not the one that Intel's QE identity describes", NOT_GENUINE],
    QeLevelUnknown: (a) => [
      `Intel's QE identity knows no level for the quoting enclave's ISVSVN ${a.number(0)}`,
      "Update the quoting enclave.",
    ],
    TcbLevelUnknown: (a) => [
      `no level of Intel's TCB info matches the platform (SGX components ${a.hex(0)}, TDX components ${a.hex(1)}, PCESVN ${a.number(2)})`,
      UPDATE_PLATFORM,
    ],
    TdxModuleUnknown: (a) => [
      `Intel's TCB info knows no TDX module of version ${a.number(0)} with ISVSVN ${a.number(1)}`,
      UPDATE_PLATFORM,
    ],
    TdxModuleMismatch: () => [
      "the TDX module's signer or attributes are not those of Intel's TCB info",
      NOT_GENUINE,
    ],
    TdxModuleStatus: (a) => [`the TDX module's status is ${a.status(0)}`, UPDATE_PLATFORM],
  };
}

function collateralReasons(): Record<string, Explain> {
  return {
    QuoteDocumentMissing: (a) => [
      `${DOCUMENT_KINDS[a.number(0)]} is not on the chain`,
      "Give it with the collateral (--collateral), or have it entered into IntelCollateral.",
    ],
    QuoteDocumentNotCurrent: (a) => [
      `${DOCUMENT_KINDS[a.number(0)]} is valid from ${a.time(1)} to ${a.time(2)}, not at ${a.time(3)}`,
      NEW_COLLATERAL,
    ],
    QuoteDocumentTooOld: (a) => [
      `${DOCUMENT_KINDS[a.number(0)]} is of TCB evaluation ${a.number(1)}; the policy asks for ${a.number(2)}`,
      NEW_COLLATERAL,
    ],
    QuoteDocumentSignerNotValid: (a) => [
      `the authority that signed ${DOCUMENT_KINDS[a.number(0)]} is revoked or ran out at ${a.time(1)}`,
      NEW_COLLATERAL,
    ],
    DocumentNotCurrent: (a) => [
      `it is valid from ${a.time(0)} to ${a.time(1)}${a.at === undefined ? "" : `, not at ${timeText(a.at)}`}`,
      NEW_COLLATERAL,
    ],
    DocumentNotNewer: (a) => [
      `what is on the chain is newer than what was issued at ${a.time(0)}`,
      "Nothing is to be done.",
    ],
    AuthorityNotValid: (a) => [
      `the authority that signed it is valid from ${a.time(1)} to ${a.time(2)}`,
      NEW_COLLATERAL,
    ],
    AuthorityRevoked: () => ["the root has revoked the authority that signed it", NEW_COLLATERAL],
    AuthorityUnknown: () => [
      "the authority that signed it is not on the chain",
      "Give its certificate with the collateral, in the issuer chain.",
    ],
    IssuerUnknown: () => ["the certificate was not issued by the pinned root", NOT_GENUINE],
    CertificateRole: () => [
      "the certificate is none of Intel's authorities by its name, usage or constraints",
      NOT_GENUINE,
    ],
    CertificateAlgorithm: () => ["the certificate is not ECDSA with SHA-256 over P-256", NOT_GENUINE],
    RootCrlMissing: () => [
      "the root's revocation list is not on the chain",
      "Give it with the collateral (root_ca_crl).",
    ],
    TcbStatusUnknown: () => [
      "Intel's document names a status that the contracts do not know",
      NEW_COLLATERAL,
    ],
    TcbInfoTooManyLevels: (a) => [
      `the TCB info has ${a.number(0)} levels, more than are stored`,
      NEW_COLLATERAL,
    ],
    QeIdentityTooManyLevels: (a) => [
      `the QE identity has ${a.number(0)} levels, more than are stored`,
      NEW_COLLATERAL,
    ],
    JsonUnexpected: () => [
      "the JSON is not written as Intel writes it, or was written anew",
      "Pass the signed text byte for byte: the signature is over these bytes.",
    ],
    JsonNumberTooLarge: (a) => [
      `a number in the JSON is ${a.number(0)}; at most ${a.number(1)} is possible`,
      NEW_COLLATERAL,
    ],
  };
}

function registryReasons(): Record<string, Explain> {
  return {
    MeasurementNotAllowed: (a) => [
      `the measurement ${a.hex(0)} is not on the registry's list, or for another kind of platform`,
      "Build the image that the model names, or ask the curator to allow this one.",
    ],
    MeasurementWrong: (a) => [
      `the enclave has the measurement ${a.hex(0)}, another one than it is registered for`,
      "Build the image that the model names; `meantime enclave verify` prints what this one is made of.",
    ],
    PcrMissing: (a) => [
      `PCR${a.number(0)}, of which the measurement is made, is absent or zero`,
      RUN_IN_PRODUCTION,
    ],
    KeyNotOnCurve: () => ["the key is no point of its curve", "Configure the enclave's own key."],
    BindingBlock: (a) => [
      `block ${a.number(0)}, to which the document is bound, is too old, or not a past one`,
      ATTEST_AGAIN,
    ],
    NotBound: (a) => [
      `the document does not say ${a.hex(0)}: it is about another key, chain, registry or block`,
      ATTEST_AGAIN,
    ],
    OtherPublicKey: () => ["the document names another public key", "Configure the enclave's own key."],
    PlatformWrong: () => ["the quote is of another kind of platform than the measurement", ATTEST_AGAIN],
    AttestationExpired: (a) => [`what the document rests on ran out at ${a.time(0)}`, ATTEST_AGAIN],
    PlatformFull: (a) => [
      `the platform has ${a.number(1)} keys, as many as it may`,
      "Prune a key of it that attests nothing any more, or use the key that it has.",
    ],
    EnclaveKeyKnown: () => [
      "the key was registered for another measurement",
      "Make a new key for a new image.",
    ],
    EnclaveKeyNotNewer: () => ["the key was registered with this document or a later one", ATTEST_AGAIN],
    EnclaveKeyNotExtended: (a) => [
      `the document runs out at ${a.time(1)}, before what the key has already`,
      "Nothing is lost: try again when the platform has renewed its certificate.",
    ],
    EnclaveKeyAlreadyRevoked: () => ["the key was revoked, for ever", "Make a new key in the enclave."],
  };
}

function encodingReasons(): Record<string, Explain> {
  const cbor: Explain = () => ["its CBOR is malformed, cut short, or not written as documents are", ALTERED];
  const der: Explain = () => ["a certificate or revocation list in it is malformed DER", ALTERED];
  const extension: Explain = (a) => [
    `a certificate's extension (OID ${a.hex(0)}) is unknown and critical, there twice, or malformed`,
    NOT_GENUINE,
  ];
  return {
    ...sharedBy(["CborLength", "CborTruncated", "CborType"], cbor),
    CborTrailing: (a) => [`${a.number(0)} bytes follow where it has to end`, ALTERED],
    ...sharedBy(
      ["DerBitString", "DerBoolean", "DerInteger", "DerLength", "DerTag", "DerTime", "DerTruncated"],
      der,
    ),
    ...sharedBy(["NoSuchDate", "NotTwoDigits", "CertificateVersion", "CrlVersion"], der),
    ...sharedBy(["CertificateAlgorithmsDiffer", "CrlAlgorithmsDiffer", "CertificateKey"], der),
    DerTrailing: (a) => [`${a.number(0)} bytes follow where DER has to end`, ALTERED],
    ...sharedBy(
      ["CertificateExtensionUnknown", "CertificateExtensionTwice", "CertificateExtensionMalformed"],
      extension,
    ),
    ...sharedBy(["CrlExtensionUnknown", "CrlExtensionTwice"], extension),
  };
}

function sharedBy(names: readonly string[], explain: Explain): Record<string, Explain> {
  return Object.fromEntries(names.map((name) => [name, explain]));
}

function certificateAt(a: ErrorArguments): string {
  return a.number(0) === 0
    ? "the root's certificate"
    : `certificate ${a.number(0)} of the chain (the root is 0)`;
}

function debugText(a: ErrorArguments): string {
  const pcr = a.number(0);
  return Number.isNaN(pcr)
    ? "the enclave or trust domain runs in debug mode"
    : `the enclave runs in debug mode: PCR${pcr} is zero or absent`;
}

function missingKeys(present: number): string {
  const keys = ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"];
  return keys.filter((_, place) => ((present >> place) & 1) === 0).join(", ");
}
