// SPDX-License-Identifier: MIT
import { expect } from "chai";
import { ethers, networkHelpers } from "./fixture.ts";

const { loadFixture } = networkHelpers;

const deployReader = () => ethers.deployContract("DerReader");

describe("DER reader", () => {
  it("reads elements with lengths of one, two and three octets", async () => {
    const reader = await loadFixture(deployReader);
    for (const length of [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff]) {
      const content = "ab".repeat(length);
      const [tag, found] = await reader.getFunction("readElement")(`0x04${lengthOctets(length)}${content}`);
      expect(tag).to.equal(4n);
      expect(found).to.equal(`0x${content}`);
    }
  });

  const refused: Record<string, [string, string, string][]> = {
    readElement: [
      ["nothing at all", "", "DerTruncated"],
      ["a tag without a length", "04", "DerTruncated"],
      ["a content cut short", "0403abab", "DerTruncated"],
      ["a long length cut short", "0482", "DerTruncated"],
      ["an octet too many", "0401abab", "DerTrailing"],
      ["an indefinite length", "30800000", "DerLength"],
      ["a length in two octets that fits one", `04817f${"ab".repeat(0x7f)}`, "DerLength"],
      ["a length in three octets that fits two", `048200ff${"ab".repeat(0xff)}`, "DerLength"],
      ["a length in four octets", "0483010000", "DerLength"],
      ["the reserved length", "04ff", "DerLength"],
      ["a tag of several octets", "1f2001ab", "DerTag"],
    ],
    readUint: [
      ["an integer of no octets", "0200", "DerInteger"],
      ["a negative integer", "0201ff", "DerInteger"],
      ["an integer with a sign octet that it does not need", "0202007f", "DerInteger"],
      ["zero in two octets", "02020000", "DerInteger"],
      ["an integer of 257 bits", `022101${"00".repeat(32)}`, "DerInteger"],
      ["an octet string", "040101", "DerTag"],
    ],
    readLimbs: [["an integer of 513 bits", `024101${"00".repeat(64)}`, "DerInteger"]],
    readBool: [
      ["a boolean of BER", "010101", "DerBoolean"],
      ["a boolean of no octets", "0100", "DerBoolean"],
      ["a boolean of two octets", "01020001", "DerBoolean"],
    ],
    readTime: [
      ["a date in another kind of text", `0c0d${ascii("250102030405Z")}`, "DerTag"],
      ["a time without Z", `170c${ascii("250102030405")}`, "DerTime"],
      ["a time with an offset", `1711${ascii("250102030405+0000")}`, "DerTime"],
      ["a time with a lower-case z", `170d${ascii("250102030405z")}`, "DerTime"],
      ["a time without seconds", `170b${ascii("2501020304Z")}`, "DerTime"],
      ["a time with fractions", `1811${ascii("20250102030405.5Z")}`, "DerTime"],
      ["a time with a space for a digit", `170d${ascii("25010203 405Z")}`, "NotTwoDigits"],
      ["a time with a colon for a digit", `170d${ascii("2501020304:5Z")}`, "NotTwoDigits"],
      ["the month 0", `170d${ascii("250002030405Z")}`, "NoSuchDate"],
      ["the month 13", `170d${ascii("251302030405Z")}`, "NoSuchDate"],
      ["the day 0", `170d${ascii("250100030405Z")}`, "NoSuchDate"],
      ["the 30th of February", `170d${ascii("240230030405Z")}`, "NoSuchDate"],
      ["the 29th of February of a common year", `170d${ascii("250229030405Z")}`, "NoSuchDate"],
      ["the 29th of February 2100", `180f${ascii("21000229000000Z")}`, "NoSuchDate"],
      ["the 31st of April", `170d${ascii("250431030405Z")}`, "NoSuchDate"],
      ["the hour 24", `170d${ascii("250102240000Z")}`, "NoSuchDate"],
      ["the minute 60", `170d${ascii("250102036000Z")}`, "NoSuchDate"],
      ["the second 60", `170d${ascii("250102030460Z")}`, "NoSuchDate"],
      ["a year before 1970", `170d${ascii("691231235959Z")}`, "NoSuchDate"],
    ],
    readFlags: [
      ["flags with a set unused bit", "03020601", "DerBitString"],
      ["flags with eight unused bits", "03020800", "DerBitString"],
      ["flags of no octets", "030100", "DerBitString"],
    ],
    readBits: [
      ["bits that are no whole octets", "03020780", "DerBitString"],
      ["a bit string of no octets", "0300", "DerBitString"],
    ],
  };
  for (const [name, cases] of Object.entries(refused)) {
    for (const [what, der, error] of cases) {
      it(`refuses ${what}`, async () => {
        const reader = await loadFixture(deployReader);
        await expect(reader.getFunction(name)(`0x${der}`)).to.be.revertedWithCustomError(reader, error);
      });
    }
  }

  it("reads integers, booleans, flags, bits and object identifiers", async () => {
    const reader = await loadFixture(deployReader);
    const read = (name: string, der: string) => reader.getFunction(name)(`0x${der}`);
    expect(await read("readUint", "020100")).to.equal(0n);
    expect(await read("readUint", "02017f")).to.equal(127n);
    expect(await read("readUint", "02020080")).to.equal(128n);
    expect(await read("readUint", `022100${"ff".repeat(32)}`)).to.equal(2n ** 256n - 1n);
    expect(await read("readLimbs", "020105")).to.deep.equal([0n, 5n]);
    expect(await read("readLimbs", `023100${"ff".repeat(48)}`)).to.deep.equal([
      2n ** 128n - 1n,
      2n ** 256n - 1n,
    ]);
    expect(await read("readLimbs", `0221${"01".repeat(33)}`)).to.deep.equal([
      1n,
      BigInt(`0x${"01".repeat(32)}`),
    ]);
    expect(await read("readBool", "0101ff")).to.equal(true);
    expect(await read("readBool", "010100")).to.equal(false);
    expect(await read("readFlags", "030206c0")).to.equal(0xc0n);
    expect(await read("readBits", "030300abcd")).to.equal("0xabcd");
    expect(await read("readOid", "0603551d13")).to.equal((3n << 248n) | 0x551d13n);
    expect(await read("readOid", `0620${"01".repeat(32)}`)).to.equal(2n ** 256n - 1n);
  });

  it("reads times as JavaScript does, over leap years and the turn of the centuries", async () => {
    const reader = await loadFixture(deployReader);
    for (const iso of [
      "1970-01-01T00:00:00Z",
      "1999-12-31T23:59:59Z",
      "2000-02-29T12:30:45Z",
      "2024-02-29T00:00:00Z",
      "2024-03-01T00:00:00Z",
      "2025-12-31T23:59:59Z",
      "2049-12-31T23:59:59Z",
      "2050-01-01T00:00:00Z",
      "2100-02-28T23:59:59Z",
      "2100-03-01T00:00:00Z",
      "9999-12-31T23:59:59Z",
    ]) {
      const unixSeconds = BigInt(Date.parse(iso)) / 1000n;
      const digits = iso.replace(/[-:T]/g, "");
      expect(await reader.getFunction("readTime")(`0x180f${ascii(digits)}`), iso).to.equal(unixSeconds);
      if (iso >= "2050") continue;
      expect(await reader.getFunction("readTime")(`0x170d${ascii(digits.slice(2))}`), iso).to.equal(
        unixSeconds,
      );
    }
  });
});

function lengthOctets(length: number): string {
  const octets = length.toString(16).padStart(length > 0xff ? 4 : 2, "0");
  return length < 0x80 ? octets : `${length > 0xff ? "82" : "81"}${octets}`;
}

function ascii(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}
