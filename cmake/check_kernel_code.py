"""Looks at the machine code of one kernel object.

    python3 check_kernel_code.py --isa avx2 kernels.cpp.o

Finds two faults that no test of results can see, in the code of GCC and of Clang:

* a loop of a tile of the product or of a row of bfloat16 weights (`accumulate_tile` and
  `accumulate_bf16_row` of csrc/kernels/product.h) that stores a vector, or reads one from the
  stack: a sum that does not stay in its register costs up to half of the speed;
* on x86-64, an instruction that the object's instruction set does not have: it would stop a program
  on a processor that has this set and no more.

It prints what it found and returns 1, or what it looked at and returns 0. Where there is nothing to
look at it prints a line that begins with NOT RUN, by which CTest reports the test as skipped.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """One line of objdump's listing; `operands` as objdump writes them, targets come last."""

    address: int
    code: bytes
    mnemonic: str
    operands: str


class Syntax(NamedTuple):
    """How one processor family writes what the rules look for (AT&T order on x86-64)."""

    tile: re.Pattern[str]  # functions
    branch: re.Pattern[str]  # mnemonics; where to is an address in the operands
    ends: re.Pattern[str]  # mnemonics after which the next instruction is not reached
    multiply: re.Pattern[str]  # mnemonics
    store: re.Pattern[str]  # "mnemonic operands"
    stack: re.Pattern[str]  # operands of a vector instruction
    frame: re.Pattern[str]  # "mnemonic operands" that makes the frame pointer one
    frame_stack: re.Pattern[str]  # operands, in a function that has a frame pointer


X86 = Syntax(
    tile=re.compile(r"\baccumulate_(tile|bf16_row)<[^>]*>"),
    branch=re.compile(r"j\w+$"),
    ends=re.compile(r"jmp|ret|ud2"),
    multiply=re.compile(r"v?((fn?m(add|sub)\d*|mul)p[sd]|pmaddwd)"),
    store=re.compile(r"\S+ .*%[xyz]mm\d+,[^%]*\(.*\)(\{%k\d\})?$"),
    stack=re.compile(r"(?=.*%[xyz]mm).*\(%rsp"),
    frame=re.compile(r"mov %rsp,%rbp$"),
    frame_stack=re.compile(r"(?=.*%[xyz]mm).*\(%rbp"),
)
AARCH64 = Syntax(
    # Not the rows of bfloat16, whose last chain may have no pair of steps: GCC stores its sums.
    tile=re.compile(r"\baccumulate_tile<[^>]*>"),
    branch=re.compile(r"b(\.\w+)?$|cbn?z$|tbn?z$"),
    ends=re.compile(r"b$|br$|ret|brk"),
    multiply=re.compile(r"fml[as]|fmul|smlal"),
    store=re.compile(r"(stn?p|stu?r|st[1-4]) \{?[bhsdqv]\d"),
    stack=re.compile(r"\{?[bhsdqv]\d.*\[sp\b"),
    frame=re.compile(r"(mov x29, sp|add x29, sp, .*)$"),
    frame_stack=re.compile(r"\{?[bhsdqv]\d.*\[x29\b"),
)
SYNTAX = {"sse2": X86, "avx2": X86, "avx512": X86, "neon": AARCH64}

LINE = re.compile(r"\s+([0-9a-f]+):\t([0-9a-f ]+)\t(\S+)\s*(.*)$")
HEADING = re.compile(r"[0-9a-f]+ <(.*)>:$")


def disassemble(objdump: str, path: Path) -> dict[str, list[Instruction]]:
    """The object's functions by their demangled names."""
    listing = subprocess.run(
        [objdump, "-d", "--demangle", "--wide", str(path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    functions: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    for line in listing.splitlines():
        if heading := HEADING.match(line):
            current = functions.setdefault(heading[1], [])
        elif fields := LINE.match(line):
            # What stands after '#' or '//' is objdump's comment, after '<' the name of an address.
            operands = re.split(r"\s+(?:#|//|<)", fields[4])[0].strip()
            code = bytes.fromhex(fields[2].replace(" ", ""))
            current.append(Instruction(int(fields[1], 16), code, fields[3], operands))
    return functions


# ---- spills ------------------------------------------------------------------------------------


def successors(function: list[Instruction], syntax: Syntax) -> list[list[int]]:
    """For every instruction the indices of those that may run next."""
    index = {instruction.address: i for i, instruction in enumerate(function)}
    following: list[list[int]] = []
    for i, instruction in enumerate(function):
        after = [] if syntax.ends.match(instruction.mnemonic) else [i + 1]
        if syntax.branch.match(instruction.mnemonic):
            address = re.search(r"(?:^|[ ,])(?:0x)?([0-9a-f]+)$", instruction.operands)
            if address and int(address[1], 16) in index:
                after.append(index[int(address[1], 16)])
        following.append([j for j in after if j < len(function)])
    return following


def reachable(start: int, edges: list[list[int]]) -> set[int]:
    """What can run after `start`; `start` itself if it is in a loop."""
    found: set[int] = set()
    open_ends = list(edges[start])
    while open_ends:
        i = open_ends.pop()
        if i not in found:
            found.add(i)
            open_ends.extend(edges[i])
    return found


def loops(function: list[Instruction], syntax: Syntax) -> Iterator[list[Instruction]]:
    """The function's outermost loops: instructions of which each can run after every other.

    A branch backwards is not enough to know a loop by: compilers put rare code at a function's end
    and jump back from there.
    """
    edges = successors(function, syntax)
    backwards: list[list[int]] = [[] for _ in function]
    for i, after in enumerate(edges):
        for j in after:
            backwards[j].append(i)
    seen: set[int] = set()
    for i, after in enumerate(edges):
        if i not in seen and (any(j <= i for j in after) or any(j >= i for j in backwards[i])):
            loop = reachable(i, edges) & reachable(i, backwards)
            seen |= loop
            if loop:
                yield [function[j] for j in sorted(loop)]


def spills(functions: dict[str, list[Instruction]], syntax: Syntax) -> tuple[int, list[str]]:
    """How many tiles there are, and what is wrong with them."""
    tiles, findings = 0, []
    for name, function in functions.items():
        tile = syntax.tile.search(name)
        if not tile:
            continue
        tiles += 1
        text = [f"{i.mnemonic} {i.operands}" for i in function]
        framed = any(syntax.frame.match(line) for line in text)
        products = [
            loop
            for loop in loops(function, syntax)
            if any(syntax.multiply.match(i.mnemonic) for i in loop)
        ]
        if not products and "[clone" not in name:  # a clone may hold a part without the loop
            findings.append(f"{tile[0]}: no loop that multiplies was found")
        for loop in products:
            lines = [f"{i.mnemonic} {i.operands}" for i in loop]
            stores = [line for line in lines if syntax.store.match(line)]
            reads = [
                line
                for i, line in zip(loop, lines, strict=True)
                if line not in stores
                and (
                    syntax.stack.match(i.operands)
                    or (framed and syntax.frame_stack.match(i.operands))
                )
            ]
            if stores or reads:
                findings.append(
                    f"{tile[0]}: a loop of {len(loop)} instructions stores {len(stores)} vectors "
                    f"and reads {len(reads)} from the stack: {(stores + reads)[0]}"
                )
    return tiles, findings


# ---- leaks -------------------------------------------------------------------------------------

# What is beyond SSE2 although it is encoded as SSE2 is. (Not tzcnt: compilers write it where older
# processors, which take it for bsf, answer the same.)
AFTER_SSE2 = re.compile(
    r"addsubp|h(add|sub)p|mov(s[hl]|d)dup|lddqu"  # SSE3
    r"|p(shufb|alignr|abs|sign|h(add|sub)|mulhrs|maddubs)"  # SSSE3
    r"|p?blend|dpp[sd]|round[sp]|insertps|extractps|p(ins|ext)r[bdq]|pmov[sz]x|ptest|pmul(ld|dq)"
    r"|pcmp(eqq|gtq|[ei]str)|packusdw|mpsadbw|p(min|max)(s[bd]|u[wd])|phminpos|movntdqa"
    r"|crc32|popcnt"  # SSE4
)
# What is beyond every set: none of them is compiled with BMI, FP16, VNNI, ... (F16C is in AVX-512.)
AFTER_ALL = re.compile(
    r"v(cvtne|dpbf16|pdp|p2intersect|pmadd52|popcnt|pshld|pshrd|pcompress[bw]|pexpand[bw]|perm[it]2b"
    r"|permb|pmultishift|pconflict|plzcnt|gf2p8|exp2|rcp28|rsqrt28)|v\w+[ps]h$"
    r"|v?(aes|pclmul)|sha(1|256)|movbe|lzcnt"
    r"|andn$|bextr|bls(i|r|msk)|bzhi|mulx|pdep|pext$|rorx|s(ar|hl|hr)x"
)
F16C = re.compile(r"vcvt(ph2ps|ps2ph)")


def encoding(code: bytes) -> str:
    """How an x86-64 instruction is encoded, which tells the generation it is from."""
    opcode = code.lstrip(b"\x26\x2e\x36\x3e\x64\x65\x67")[:1]  # segment and address-size prefixes
    return {b"\xc4": "AVX", b"\xc5": "AVX", b"\x62": "AVX-512"}.get(opcode, "SSE")


def beyond(isa: str, instruction: Instruction) -> str:
    """What of `instruction` is beyond `isa`; empty when nothing is."""
    _, code, mnemonic, operands = instruction
    if isa != "avx512":
        if encoding(code) == "AVX-512":
            return "AVX-512's encoding"
        if wide := re.search(r"%(zmm\d+|[xy]mm(1[6-9]|2\d|3[01])|k[0-7])\b", operands):
            return f"AVX-512's register {wide[1]}"
    if isa == "sse2":
        if wide := re.search(r"%ymm\d+", operands):
            return f"AVX's register {wide[0][1:]}"
        if encoding(code) == "AVX":
            return "AVX's encoding"
        if AFTER_SSE2.match(mnemonic):
            return "an extension after SSE2"
    later = AFTER_ALL.match(mnemonic) or (isa == "avx2" and F16C.match(mnemonic))
    return "another extension" if later else ""


def leaks(functions: dict[str, list[Instruction]], isa: str) -> list[str]:
    """One finding for each function with instructions that are beyond `isa`."""
    findings = []
    for name, function in functions.items():
        wrong = [(i, what) for i in function if (what := beyond(isa, i))]
        if wrong:
            (first, what), count = wrong[0], len(wrong)
            findings.append(
                f"{name}: {count} instructions are beyond {isa}, the first is "
                f"{first.mnemonic} {first.operands} ({what})"
            )
    return findings


# ---- command line ------------------------------------------------------------------------------


def not_run(reason: str) -> int:
    """CTest knows a skipped test by this line."""
    print(f"NOT RUN: {reason}")
    return 0


def main() -> int:
    """Prints the findings, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--isa", required=True, help="the set that the object was compiled for")
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("object", type=Path)
    given = parser.parse_args()
    if given.isa not in SYNTAX:
        return not_run(f"nothing is known about the machine code of {given.isa}")
    version = subprocess.run([given.objdump, "--version"], capture_output=True, text=True).stdout
    if "GNU objdump" not in version:
        return not_run(f"{given.objdump} is not GNU's, whose listing this reads")
    content = given.object.read_bytes()
    if content.startswith((b"BC\xc0\xde", b"\xde\xc0\x17\x0b")) or b".gnu.lto_" in content:
        return not_run("compiled for link-time optimisation, this is not what will run")

    functions = disassemble(given.objdump, given.object)
    tiles, findings = spills(functions, SYNTAX[given.isa])
    if not tiles:
        findings.append("the object has no accumulate_tile")
    if SYNTAX[given.isa] is X86:
        findings += leaks(functions, given.isa)
    for finding in findings:
        print(f"{given.isa}: {finding}")
    print(f"{given.isa}: {tiles} tiles, {len(functions)} functions, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
