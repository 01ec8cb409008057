// Draws the report from the data that lies in its file.
import './sharp';
import { Component, StrictMode, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import '../app/styles.css';
import './report.css';
import './paper.css';
import { readData, titleOf } from './data';
import { Report } from './Report';
import { startTheme } from './theme';

/** Says so where a record is none that this report knows: a white page would say nothing. */
class Drawn extends Component<{ children: ReactNode }, { fault?: Error }> {
  override state: { fault?: Error } = {};

  static getDerivedStateFromError(fault: Error) {
    return { fault };
  }

  override render() {
    const { fault } = this.state;
    if (!fault) return this.props.children;
    return <p className="page">This run cannot be drawn ({fault.message}). Its data is in this file all the same: make the report again with the dlt that made the run.</p>;
  }
}

startTheme();
const data = readData(document.getElementById('dlt-report')?.textContent);
const root = document.getElementById('root');
if (data) document.title = titleOf(data.record);
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Drawn>{data ? <Report data={data} /> : <p className="page">This file holds no run: it is the template of reports. Make one with: dlt runs report RUN -o report.html</p>}</Drawn>
    </StrictMode>,
  );
}
