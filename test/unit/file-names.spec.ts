/** Names and types of files that operators give to pages. */
import { expect, test } from "@playwright/test";
import { isAccepted, safeFileName } from "../../src/protocol/files.ts";

test("[R25] a file keeps its name, without what could lead elsewhere or hide what it is", () => {
  const names = {
    "Füße photo.JPG": "Füße photo.JPG",
    "../../etc/passwd": "passwd",
    "C:\\Users\\me\\scan.pdf": "scan.pdf",
    ".bashrc": "bashrc",
    "..": "file",
    "": "file",
    "a\u0000b\nc.txt": "abc.txt",
    "\u202egnp.exe": "gnp.exe",
    'a<b>:"|?*.png': "ab.png",
    "照片.png": "照片.png",
  };
  expect(Object.keys(names).map(safeFileName)).toEqual(Object.values(names));
  const long = safeFileName(`${"照".repeat(500)}.png`);
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(200);
  expect(Buffer.byteLength(safeFileName(`a.${"x".repeat(900)}`))).toBeLessThanOrEqual(200);
});

test("[R25] a field takes the types and endings that it names", () => {
  const takes = (accept: string, name: string, type: string) => isAccepted(accept, { name, type });
  expect(takes("", "a.exe", "application/x-msdownload")).toBe(true);
  expect(takes("image/*, .PDF", "a.heic", "image/heic")).toBe(true);
  expect(takes("image/*, .PDF", "a.pdf", "")).toBe(true);
  expect(takes("image/png", "a.png", "application/octet-stream")).toBe(true);
  expect(takes("image/png", "a.jpg", "image/jpeg")).toBe(false);
  expect(takes(".pdf", "a.pdf.exe", "application/pdf")).toBe(false);
  expect(takes("image/*", "a.txt", "text/plain")).toBe(false);
});
