export default function Agents(_: { test?: string }) { return <p>soon</p>; }
