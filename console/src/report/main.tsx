// Draws the report from the data that lies in its file.
import './sharp';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../app/styles.css';
import './report.css';
import { readData, titleOf } from './data';
import { Report } from './Report';
import { startTheme } from './theme';

startTheme();
const data = readData(document.getElementById('dlt-report')?.textContent);
const root = document.getElementById('root');
if (data) document.title = titleOf(data.record);
if (root) {
  createRoot(root).render(
    <StrictMode>
      {data ? <Report data={data} /> : <p className="none">This file holds no run: it is the template of reports. Make one with: dlt runs report RUN -o report.html</p>}
    </StrictMode>,
  );
}
