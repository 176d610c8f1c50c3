// Loaded before odata2ts. It reads TypeScript's option tables and brings no TypeScript of its own; ours, TypeScript 7, has no programming
// interface to read them from. ts-morph, which odata2ts generates with, has one inside.
import { createRequire, Module } from 'node:module'

const odata2ts = createRequire(createRequire(import.meta.url).resolve('@odata2ts/odata2ts'))
const tsMorph = createRequire(odata2ts.resolve('ts-morph'))
const path = odata2ts.resolve('typescript')
const replacement = new Module(path)
replacement.filename = path
replacement.exports = tsMorph('@ts-morph/common').ts
replacement.loaded = true
odata2ts.cache[path] = replacement
