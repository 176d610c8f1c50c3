import { useMemo } from 'react'
import { firstOf, type Search } from '../paths.ts'
import { type Range, readRange } from './range.ts'

/** The time that the address narrows a list to, reckoned once for what it says: a list that is read on keeps its bounds. */
export function useRange(search: Search): Range {
  const [from, to] = [firstOf(search, 'from'), firstOf(search, 'to')]
  return useMemo(() => readRange({ from, to }, Date.now()), [from, to])
}
