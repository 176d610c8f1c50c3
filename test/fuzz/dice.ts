import { seededRandom } from '../../bench/random.ts'

/** Random choices that are the same on every run with the same seed. */
export interface Dice {
  /** A whole number from 0 up to `limit`, which is never reached. */
  below(limit: number): number
  /** True in `share` of the calls. */
  chance(share: number): boolean
  /** One of a list that is not empty. */
  pick<T>(items: readonly T[]): T
  /** One of the makers, by weight, and what it makes. */
  choose<T>(makers: readonly (readonly [weight: number, make: () => T])[]): T
  /** `min` to `max` things, each made anew. */
  several<T>(min: number, max: number, make: () => T): T[]
}

/** Makes the dice of one run. */
export function createDice(seed: number): Dice {
  const random = seededRandom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  return {
    below,
    chance: (share) => random() < share,
    pick: (items) => {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
    choose: (makers) => {
      let left = random() * makers.reduce((sum, [weight]) => sum + weight, 0)
      const chosen = makers.find(([weight]) => {
        left -= weight
        return left < 0
      })
      const [, make] = chosen ?? makers[0] ?? []
      if (make === undefined) throw new Error('nothing to choose from')
      return make()
    },
    several: (min, max, make) => Array.from({ length: min + below(max - min + 1) }, make),
  }
}
