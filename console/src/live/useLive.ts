// A run's seconds while it goes on: what is stored of it from its first second, then
// ticks as they come. Which page shows them is left to the pages.
import { useEffect, useMemo, useReducer, useRef, useState } from 'react';
import { useTimelineSoFar } from '../api/queries';
import type { LiveStatus, LoadSummary } from '../api/types';
import { RunSeconds } from '../numbers/seconds';
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
  /** The browser's clock at the newest tick, ms. */
  heardAt: number;
}

const MOST_NOTES = 50;
/** Seconds are stored every 10 s: after this long, what was missed can be read. */
const STORED_AFTER_MS = 13_000;

export function useLive(testId: string, runId: string, enabled: boolean): Live {
  const seconds = useMemo(() => new RunSeconds(), [testId, runId]); // eslint-disable-line react-hooks/exhaustive-deps -- a run's seconds are its own
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const [status, setStatus] = useState<LiveStatus>();
  const [load, setLoad] = useState<LoadSummary>();
  const [notes, setNotes] = useState<string[]>([]);
  const [broken, setBroken] = useState('');
  const heardAt = useRef(0);
  // The stream tells again what it keeps; what went before it is stored.
  const [isLate, setLate] = useState(false);
  const timeline = useTimelineSoFar(testId, runId, enabled && isLate);
  const { refetch } = timeline;

  useEffect(() => {
    if (timeline.data) {
      seconds.store(timeline.data);
      draw();
    }
  }, [timeline.data, seconds]);

  useEffect(() => {
    if (!enabled) return;
    const source = liveSource() ?? serverSentEvents;
    let asked = false;
    let wasBroken = false;
    let later: ReturnType<typeof setTimeout> | undefined;
    // Between what is stored and the first tick, and during a break, seconds go by that a
    // source may not repeat: they are read once they are stored.
    const missed = () => {
      setLate(true);
      if (source.repeats) return;
      clearTimeout(later);
      later = setTimeout(() => void refetch(), STORED_AFTER_MS);
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
        if (seconds.last < 0 && tick.second > 0) missed();
        seconds.tick(tick);
        heardAt.current = Date.now();
        soon();
      },
      note: (note) => setNotes((before) => [...before, note].slice(-MOST_NOTES)),
      line: (stands, why) => {
        setBroken(stands ? '' : (why ?? 'the connection broke'));
        if (stands && wasBroken && !source.repeats && seconds.last >= 0) missed();
        wasBroken = !stands;
      },
    });
    return () => {
      clearTimeout(later);
      end();
    };
  }, [testId, runId, enabled, seconds, refetch]);

  return { seconds, status: status?.status, runId: status?.run_id, load, notes, broken, heardAt: heardAt.current };
}
