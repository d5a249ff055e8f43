const width = 760;
const labelWidth = 190;
const barWidth = width - labelWidth - 110;
const lineHeight = 22;

/** The colours follow the reader's: a picture in a page knows of them by itself. */
const style = `
  .card { fill: #ffffff; } text { fill: #1f2328; } .note { fill: #59636e; }
  .other { fill: #9aa4af; } .ours { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; } text { fill: #f0f6fc; } .note { fill: #9198a1; }
    .other { fill: #656c76; } .ours { fill: #4493f8; }
  }
  text { font: 13px system-ui, sans-serif; } .title { font-weight: 600; } .note { font-size: 11px; }`;

/**
 * Bar charts, one below the other, as an SVG. A chart is `{ title, bars }`, a bar `{ label, ms, ours? }`;
 * each chart has its own scale. `notes` are lines of text at the end.
 */
export function renderPlot(charts, notes) {
  let y = 12;
  const parts = [];
  const line = (height = lineHeight) => (y += height);
  for (const { title, bars } of charts) {
    parts.push(text("title", 16, line(26), title));
    const longest = Math.max(...bars.map(({ ms }) => ms));
    for (const { label, ms, ours } of bars) {
      const base = line();
      const length = Math.max(1, (ms / longest) * barWidth).toFixed(1);
      parts.push(
        `<text x="${labelWidth - 8}" y="${base}" text-anchor="end">${escaped(label)}</text>`,
        `<rect class="${ours ? "ours" : "other"}" x="${labelWidth}" y="${base - 12}" width="${length}" height="15" rx="2"/>`,
        text("value", labelWidth + Number(length) + 8, base, `${(ms / 1000).toFixed(1)} s`),
      );
    }
    y += 8;
  }
  y += 6;
  for (const note of notes.flatMap((note) => wrapped(note, 125))) {
    parts.push(text("note", 16, line(16), note));
  }
  const height = y + 14;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>${style}
</style>
<rect class="card" width="${width}" height="${height}" rx="8"/>
${parts.join("\n")}
</svg>
`;
}

function text(kind, x, y, content) {
  return `<text class="${kind}" x="${x}" y="${y}">${escaped(content)}</text>`;
}

function escaped(content) {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function wrapped(content, columns) {
  const lines = [""];
  for (const word of content.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
