// What the help says: a topic a page and a notion. Short, with the same words as the
// pages, the terminal and the API.
import type { Topic } from '../panels';

export interface Text {
  title: string;
  body: string[];
  /** Words and what they mean. */
  terms?: [string, string][];
  next?: Topic[];
}

export const TOPICS: Record<Topic, Text> = {
  home: {
    title: 'Home',
    body: [
      'What runs now, how scenarios ended lately, what is scheduled next, and how much room there is.',
      'Paste a URL or a curl command to test it at once: 10 users for 30 seconds. Test only what you may.',
    ],
    next: ['run', 'trust', 'load'],
  },
  scenarios: {
    title: 'Scenarios',
    body: [
      'A scenario says what to request, how hard, from where and when. A run is one execution of it.',
      'The filter takes conditions like “Last result = failed”. It stands in the address: send the link, and others see the same rows.',
      'Columns, their order and the rows of a page are set by the wheel at the right; this browser keeps them.',
    ],
    terms: [
      ['Last result', 'How the last run ended, and whether its numbers may be believed.'],
      ['p95', '95 % of the ok answers came within this time. Below it: the change against the run before.'],
    ],
    next: ['trust', 'times', 'when'],
  },
  scenario: {
    title: 'Scenario',
    body: [
      'The trend has a dot a run: its p95, with whiskers from p50 to p99, and below it the share that failed. A pencil marks a run with a note. A click opens the run.',
      'Choose two to five runs below to compare them. Set one as the baseline, and later runs are held against it.',
    ],
    next: ['baseline', 'trust', 'thresholds'],
  },
  run: {
    title: 'Result of a run',
    body: [
      'It answers in this order: did it pass, can I believe it, how fast was it, what failed, and what next.',
      'Numbers have three digits at most; hover for the exact value. Charts share one cursor: drag to zoom, double click to leave. By keyboard: the arrow keys move the cursor, + and − zoom, shift with arrows moves the window, 0 shows all.',
    ],
    terms: [
      ['passed', 'Every threshold holds.'],
      ['failed', 'A threshold does not hold, or nothing succeeded.'],
      ['finished', 'Nothing was asked of it: there is no threshold.'],
      ['incomplete', 'Parts are missing: runners were lost or left no report.'],
      ['cancelled', 'Somebody stopped it; what was measured is kept.'],
    ],
    next: ['trust', 'thresholds', 'account', 'times', 'errors', 'generator', 'baseline'],
  },
  live: {
    title: 'A run while it goes on',
    body: [
      'Figures are over the last 10 seconds and known to two digits (≈): they come from coarse histograms that runners send each second. The exact ones come with the result.',
      '“So far” is what seconds until now tell; the words at the end are final.',
      'The load can be changed while it goes on: by tenths of the plan, paused, or ended with a whole result. The result is judged by the load as it was changed, and marks each change. One with a number of iterations or requests can only be ended.',
    ],
    terms: [
      ['loading', 'The runner makes load.'],
      ['silent', 'It was not heard for 3 seconds.'],
      ['lost', 'It is gone; its load is missing.'],
    ],
    next: ['trust', 'load', 'thresholds'],
  },
  edit: {
    title: 'Create and edit',
    body: [
      'In this order: what to request, how hard, from where, judged by what, and when. At the right stands what it comes to.',
      'The YAML view shows the same scenario with every field; what the form does not know is kept.',
    ],
    next: ['load', 'thresholds', 'when', 'scripts'],
  },
  compare: {
    title: 'Comparison',
    body: [
      'The first run is judged against each other one. It is asked first whether they can be compared at all: same load, same regions, same requests.',
      'A dot is the change, its bar the 95 % interval: where the change lies, allowing for chance. A bar that crosses the line at 0 may be chance. What lies in the shaded band is too small to matter.',
    ],
    terms: [
      ['worse, better', 'More than chance, and more than what matters.'],
      ['changed, but small', 'Real, but by less than matters.'],
      ['cannot tell', 'Too few requests, or too much noise.'],
    ],
    next: ['baseline', 'trust'],
  },
  regions: {
    title: 'Regions and runners',
    body: [
      'A runner makes load: a process on this machine, a task on AWS. Runners are started for a run and end with it.',
      'Room says how many runners a region can have at once. A scenario that asks for more is refused.',
    ],
    next: ['load', 'generator'],
  },
  agents: {
    title: 'Agents',
    body: ['An agent reads scenarios, results, percentiles and comparisons through MCP. It can start, change and delete nothing.'],
  },
  settings: {
    title: 'Settings',
    body: ['Colours are kept in this browser. The version and the address of the server help when you report a fault.'],
  },
  trust: {
    title: 'Trusted, degraded, untrusted',
    body: [
      'Whether the numbers may be believed. It is about the load generator, not about the target: a slow target can have a trusted result, a fast one an untrusted one.',
      'Each reason is told with its seconds; “Show” zooms the charts to them.',
    ],
    terms: [
      ['trusted', 'The generator kept up: requests left on time, no request was dropped, no second is missing.'],
      ['degraded', 'Slightly off: the 99th percentile of lag is above 5 ms, a few requests were dropped, or something else was near its limit. Read small differences with care.'],
      ['untrusted', 'Do not rely on it: the 99th percentile of lag is above 50 ms, or more than 1 % of the requests were dropped. Use more runners, or ask for less.'],
    ],
    next: ['generator', 'account', 'load'],
  },
  thresholds: {
    title: 'Thresholds',
    body: [
      'What is asked of a run. If one does not hold, the run has failed. They are judged on the merged numbers of all runners.',
      'The mark in the middle of each bar is the limit; a bar beyond it is over the limit.',
    ],
    terms: [
      ['p(95)<200ms', '95 % of the ok answers come within 200 ms.'],
      ['error_rate<1%', 'Less than 1 % of the finished requests failed.'],
      ['rate>500/s', 'More than 500 requests are finished each second.'],
      ['login: p(99)<1s', 'The same for one label.'],
    ],
    next: ['times', 'baseline'],
  },
  account: {
    title: 'The account of requests',
    body: ['Every request is counted, and the counts must add up. If they do not, the result is not trusted.'],
    terms: [
      ['due', 'What the plan asked for.'],
      ['sent', 'Handed to a connection that stood.'],
      ['without a connection', 'No connection could be made: refused, unreachable, name not found.'],
      ['dropped', 'Due, but never begun: the generator could not keep up.'],
      ['ok, failed', 'Finished, with or without an error. A status fails from 400 up unless the scenario says otherwise.'],
      ['unfinished', 'Under way when the run ended.'],
    ],
    next: ['trust', 'errors'],
  },
  times: {
    title: 'Response times',
    body: [
      'Times are of ok answers; what failed is counted beside them. Percentiles come from merged histograms, exact to three digits, and are never averaged.',
      'With arrivals a time begins when the request was due, so that a stalled target cannot hide its delay. With users it begins when the request was sent.',
      'Open a row to see its regions. The line shows its p95 over the run, known to two digits.',
    ],
    terms: [
      ['p50', 'Half of the answers came within this time.'],
      ['p95', '95 of 100 did.'],
      ['p99.9', '999 of 1,000 did. With fewer than some thousand requests it says little.'],
    ],
    next: ['load', 'baseline'],
  },
  generator: {
    title: 'Load generator, lag',
    body: ['How well the load was made. If this part looks bad, blame the generator before the target.'],
    terms: [
      ['Lag', 'How late a request left, against when it was due. Only arrivals have it.'],
      ['Read delay', 'How long an answer lay in the kernel before it was read. It is no part of a response time.'],
      ['Start', 'How far apart the runners began, and how well their clocks agree.'],
      ['Leader', 'The runner that tells the others of its region to start.'],
    ],
    next: ['trust', 'regions'],
  },
  errors: {
    title: 'What failed',
    body: [
      'Failures by cause, most frequent first, with up to three saved exchanges each: what was sent and what came back. Secrets are taken out and texts are cut.',
      'A cause has the same colour everywhere. “generator” is our own fault, never the target’s.',
    ],
    next: ['account', 'trust'],
  },
  load: {
    title: 'Users or arrivals',
    body: ['Who decides when the next request is sent. It changes what a slow target does to the load.'],
    terms: [
      ['Users', 'Each waits for its answer before it goes on (closed load). A slow target gets fewer requests, as with a fixed number of patient clients.'],
      ['Arrivals', 'Requests are sent when they are due, whatever the target does (open load), as with visitors of a public site. A slow target gets a queue.'],
      ['Stages', 'Straight lines from one rate or number of users to the next, from 0 on.'],
    ],
    next: ['times', 'generator'],
  },
  baseline: {
    title: 'Baseline and comparison',
    body: [
      'The baseline is the run that others are held against: set one that is good and trusted.',
      'A difference counts only if it is more than chance (a 95 % interval from resampled seconds, corrected for the number of labels) and more than what matters (2 % of a time, half a percentage point of errors, unless set otherwise).',
    ],
    next: ['compare', 'trust'],
  },
  scripts: {
    title: 'Scripts of other tools',
    body: [
      'A scenario may keep a script of JMeter, k6 or Locust, alone or as a zip with what it needs. The file lies beside the scenario.',
      'The real tool runs the script as it is. A script is a program with the rights of the server, so one that was not started with dlt up --scripts keeps scripts and refuses to run them.',
    ],
    terms: [
      ['JMeter', 'A .jmx file, or a zip with one.'],
      ['k6', 'A .js file, or a zip with one.'],
      ['Locust', 'A .py file, or a zip with one.'],
    ],
    next: ['edit'],
  },
  when: {
    title: 'Schedules',
    body: [
      'A date, with or without repeats, or a cron expression of five fields: minute, hour, day, month, weekday. Both are read on the clock of the time zone that is given, summer time included.',
      'The next five times are shown as one types.',
    ],
    next: ['edit'],
  },
};
