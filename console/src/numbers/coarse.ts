// The coarse histogram of ticks and timelines, added as the Rust code adds it: bucket
// b covers [2^(b/8), 2^((b+1)/8)) µs. Percentiles come from added buckets, are never
// averaged, and are known to two digits. What a second is, is left to `seconds`.

export type Rows = readonly (readonly [number, number])[];

/** One more than the highest bucket: an hour lies in bucket 253. */
export const BUCKETS = 256;
const PER_OCTAVE = 8;

/** A histogram that others are added to. */
export class Coarse {
  private readonly counts = new Float64Array(BUCKETS);
  private total = 0;

  /** Adds the rows of another; a bucket beyond the last counts as the last. */
  add(rows: Rows | undefined): this {
    for (const [bucket, count] of rows ?? []) {
      const at = Math.min(bucket, BUCKETS - 1);
      this.counts[at] = (this.counts[at] ?? 0) + count;
      this.total += count;
    }
    return this;
  }

  merge(other: Coarse): this {
    if (other.total === 0) return this;
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.counts[bucket] = (this.counts[bucket] ?? 0) + (other.counts[bucket] ?? 0);
    this.total += other.total;
    return this;
  }

  get count(): number {
    return this.total;
  }

  /** The rows that are not empty, rising. */
  rows(): [number, number][] {
    const rows: [number, number][] = [];
    this.counts.forEach((count, bucket) => {
      if (count > 0) rows.push([bucket, count]);
    });
    return rows;
  }

  /** The value in µs below which the share `q` (0 to 1) lies: the middle of its bucket. */
  quantile(q: number): number | null {
    if (this.total === 0) return null;
    const rank = Math.max(1, Math.ceil(q * this.total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.counts[bucket] ?? 0;
      if (seen >= rank) return middleUs(bucket);
    }
    return null;
  }
}

/** The lower bound of a bucket, µs. */
export function lowUs(bucket: number): number {
  return 2 ** (bucket / PER_OCTAVE);
}

/** The geometric middle of a bucket, µs. */
export function middleUs(bucket: number): number {
  return 2 ** ((bucket + 0.5) / PER_OCTAVE);
}
