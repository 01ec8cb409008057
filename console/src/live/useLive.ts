// A run's seconds while it goes on: what is stored of it from its first second, then
// ticks as they come. Of a long run that is joined late, what is long past is read in coarse
// stretches. Which page shows them is left to the pages.
import { useEffect, useMemo, useReducer, useRef, useState } from 'react';
import { useSoFar } from '../api/timelines';
import type { LiveStatus, LoadSummary } from '../api/types';
import { resolution, RunSeconds } from '../numbers/seconds';
import { parted, stretchesOf } from '../numbers/window';
import { liveSource } from './live';
import { serverSentEvents } from './sse';

export interface Live {
  seconds: RunSeconds;
  status: string | undefined;
  runId: string | undefined;
  load: LoadSummary | undefined;
  notes: string[];
  /** Empty while the line stands. */
  broken: string;
  /** Why what went before could not be read; empty if it could. */
  unread: string;
  readAgain: () => void;
  /** The browser's clock at the newest tick, ms. */
  heardAt: number;
}

const MOST_NOTES = 50;
/** Seconds are stored every 10 s: after this long, what was missed can be read. */
const STORED_AFTER_MS = 13_000;
/** Before a break that was noticed, ticks may be missing already; a minute is whole in what is stored. */
const BEFORE_BREAK_S = 60;

/** What is asked for of what went before. */
interface Missed {
  until: number;
  step: number;
  /** First second of what is read by the second. */
  from: number;
}

export function useLive(testId: string, runId: string, enabled: boolean): Live {
  const seconds = useMemo(() => new RunSeconds(), [testId, runId]); // eslint-disable-line react-hooks/exhaustive-deps -- a run's seconds are its own
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const [status, setStatus] = useState<LiveStatus>();
  const [load, setLoad] = useState<LoadSummary>();
  const [notes, setNotes] = useState<string[]>([]);
  const [broken, setBroken] = useState('');
  const heardAt = useRef(0);
  // The stream tells again what it keeps; what went before it is stored.
  const [part, setPart] = useState<Missed>();
  const isLong = part !== undefined && part.until > 0;
  const past = useSoFar(testId, runId, enabled && isLong ? { to: part.until, step: part.step } : null);
  const recent = useSoFar(testId, runId, enabled && part ? (part.from > 0 ? { from: part.from } : {}) : null);
  const { refetch } = recent;
  // Until what went before is read, a break must not move the start of what is asked for.
  const wasRead = useRef(false);

  useEffect(() => {
    if (!past.data || !part) return;
    seconds.begin(stretchesOf(past.data.total, part.step, part.until), part.step, part.until);
    draw();
  }, [past.data, part, seconds]);
  useEffect(() => {
    if (!recent.data) return;
    wasRead.current = true;
    seconds.store(recent.data);
    draw();
  }, [recent.data, seconds]);

  useEffect(() => {
    if (!enabled) return;
    const source = liveSource() ?? serverSentEvents;
    let asked = false;
    let wasBroken = false;
    let later: ReturnType<typeof setTimeout> | undefined;
    // Between what is stored and the first tick, and during a break, seconds go by that a
    // source may not repeat: they are read once they are stored.
    const missed = (second: number) => {
      // A page that was there from the begin has what went before.
      const { last, coarse } = seconds;
      const isLate = last < 0;
      if (isLate) wasRead.current = false;
      const isRead = wasRead.current;
      setPart((before) => {
        const { until, step } = isLate ? parted(second) : (before ?? coarse);
        const wanted = isLate ? until : Math.max(until, last - BEFORE_BREAK_S);
        const from = before && !isLate && !isRead ? Math.min(before.from, wanted) : wanted;
        return { until, step, from: from - (from % BEFORE_BREAK_S) };
      });
      if (source.repeats) return;
      clearTimeout(later);
      // Later on longer stretches are stored, each once it is over.
      const stretch = resolution(second) > 1 ? resolution(second) * 1000 : 0;
      later = setTimeout(() => void refetch(), STORED_AFTER_MS + stretch);
    };
    // Ticks of a second come one a region: drawn together, once a frame.
    const soon = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        draw();
      });
    };
    const end = source.listen(testId, {
      status: (told) => {
        setStatus(told);
        if (told.load) setLoad(told.load);
      },
      tick: (tick) => {
        if (runId && tick.run_id !== runId) return;
        if (seconds.last < 0 && tick.second > 0) missed(tick.second);
        seconds.tick(tick);
        heardAt.current = Date.now();
        soon();
      },
      note: (note) => setNotes((before) => [...before, note].slice(-MOST_NOTES)),
      line: (stands, why) => {
        setBroken(stands ? '' : (why ?? 'the connection broke'));
        if (stands && wasBroken && !source.repeats && seconds.last >= 0) missed(seconds.last);
        wasBroken = !stands;
      },
    });
    return () => {
      clearTimeout(later);
      end();
    };
  }, [testId, runId, enabled, seconds, refetch]);

  const readAgain = () => {
    for (const one of [past, recent]) if (one.error) void one.refetch();
  };
  const unread = (past.error ?? recent.error)?.message ?? '';
  return { unread, readAgain, seconds, status: status?.status, runId: status?.run_id, load, notes, broken, heardAt: heardAt.current };
}
