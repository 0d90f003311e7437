import { parseBb, splitSignature } from '../../../src/bitrix24/bbCode.ts';
import { renderBb } from '../../../src/bitrix24/markup.ts';
import { plainOf } from '../../../src/kit/richText.ts';
import { parseHtml, renderHtml } from '../../../src/messenger/html.ts';
import { parseMarkdown, renderMarkdown } from '../../../src/messenger/markdown.ts';

const visible = (text: string): string => text.replaceAll('\u200b', '');

test.each([
  ['**a** _b_ ~~c~~ `d`', '[b]a[/b] [i]b[/i] [s]c[/s] [code]d[/code]'],
  ['snake_case_name and 2 * 3 * 4', 'snake_case_name and 2 * 3 * 4'],
  ['[x](javascript:alert(1))', '[x](javascript:alert(1))'],
  ['[x](https://a.example/b_(c))', '[url=https://a.example/b_(c)]x[/url]'],
  ['# Title\n- one\n- two', '[b]Title[/b]\n• one\n• two'],
  ['> said\nanswer', '>>said\nanswer'],
  ['**open', '**open'],
  [String.raw`\*not\*`, '*not*'],
])('markdown %j becomes %j', (markdown, bb) => {
  expect(visible(renderBb(parseMarkdown(markdown)))).toBe(bb);
});

test.each([
  ['<b>a</b> &lt;i&gt;', '[b]a[/b] <i>'],
  ['<div>a</div><div>b</div>', 'a\nb'],
  ['<ul>\n<li>a</li>\n<li>b</li>\n</ul>', '• a\n• b'],
  ['<a href="javascript:x">y</a>', 'y'],
  ['<a href="https://x.example/?a=1&amp;b=2">y</a>', '[url=https://x.example/?a=1&b=2]y[/url]'],
  ['<b><i>a</b>b', '[b][i]a[/i][/b]b'],
  ['1 < 2', '1 < 2'],
])('html %j becomes %j', (html, bb) => {
  expect(visible(renderBb(parseHtml(html)))).toBe(bb);
});

test.each([
  ['[b]a[/b][br]b', 'a\nb', '<b>a</b><br>b', '**a**\nb'],
  [
    '[url]https://x.example[/url]',
    'https://x.example',
    '<a href="https://x.example">https://x.example</a>',
    '[https://x.example](https://x.example)',
  ],
  ['[USER=27]Ann[/USER] [unknown]x', 'Ann [unknown]x', 'Ann [unknown]x', String.raw`Ann \[unknown\]x`],
  ['<script> & *', '<script> & *', '&lt;script&gt; &amp; *', String.raw`\<script\> & \*`],
])('BB-code %j becomes plain text, HTML and Markdown', (bb, plain, html, markdown) => {
  const nodes = parseBb(bb);
  expect([plainOf(nodes), renderHtml(nodes), renderMarkdown(nodes)]).toEqual([plain, html, markdown]);
});

test.each([
  ['[b]Ann Lee:[/b] [br]Hi', 'Ann Lee', 'Hi'],
  ['[b]Ann Lee:[/b][br] Hi', 'Ann Lee', 'Hi'],
  ['[b]Ann Lee:[/b]', 'Ann Lee', ''],
  ['[b]Note[/b] Hi', undefined, '[b]Note[/b] Hi'],
])('the signature of %j is split off', (text, name, rest) => {
  expect(splitSignature(text, { signed: true })).toEqual({ text: rest, ...(name === undefined ? {} : { name }) });
});

test('an automatic text has no signature to lose', () => {
  const text = '[b]We:[/b] [br]are closed';
  expect(splitSignature(text, { signed: false })).toEqual({ text });
});

test('hostile markup takes no time', () => {
  const startedAt = Date.now();
  for (const piece of ['**a ', '[[', '`', '<b', '[b]', '_', '[a](', '~~x']) {
    const text = piece.repeat(8_000);
    parseMarkdown(text);
    parseHtml(text);
    parseBb(text);
  }
  expect(Date.now() - startedAt).toBeLessThan(5_000);
});
