/** Text with markup, in the few forms that all sides know. What they cannot say is left as the text it is. */

export type Style = 'bold' | 'italic' | 'underline' | 'strike' | 'code' | 'quote';

export type RichNode = string | { style: Style; children: RichNode[] } | { href: string; children: RichNode[] };

/** Lines end with `\n`. */
export type RichText = readonly RichNode[];

export const isStyled = (node: RichNode): node is { style: Style; children: RichNode[] } =>
  typeof node === 'object' && 'style' in node;

export const plainOf = (nodes: RichText): string =>
  nodes
    .map((node) => {
      if (typeof node === 'string') return node;
      const inner = plainOf(node.children);
      if (isStyled(node)) return node.style === 'quote' ? inner.replace(/^/gm, '> ') : inner;
      return inner === '' || inner === node.href ? node.href : `${inner} (${node.href})`;
    })
    .join('');

/** Builds a tree from opening and closing marks that may be in any order; what stays open is closed at the end. */
export class RichTextBuilder {
  readonly #root: RichNode[] = [];
  readonly #open: { key: string; children: RichNode[] }[] = [];

  get #children(): RichNode[] {
    return this.#open.at(-1)?.children ?? this.#root;
  }

  text(text: string): this {
    const children = this.#children;
    const last = children.at(-1);
    if (text === '') return this;
    if (typeof last === 'string') children[children.length - 1] = last + text;
    else children.push(text);
    return this;
  }

  open(mark: { style: Style } | { href: string }, key: string): this {
    const node = { ...mark, children: [] as RichNode[] };
    this.#children.push(node);
    this.#open.push({ key, children: node.children });
    return this;
  }

  /** Closes the innermost mark of the key, and whatever was left open in it. Returns whether there was one. */
  close(key: string): boolean {
    const at = this.#open.map((mark) => mark.key).lastIndexOf(key);
    if (at < 0) return false;
    this.#open.length = at;
    return true;
  }

  get isEmpty(): boolean {
    return this.#root.length === 0;
  }

  done(): RichNode[] {
    return this.#root;
  }
}

/** Only addresses that are safe to click. */
export const isWebLink = (href: string): boolean => /^(https?:\/\/|mailto:|tel:)\S+$/i.test(href);

/** Without what neither a person sees nor a protocol likes: control characters, other line ends. */
export const printable = (text: string): string =>
  text.replace(/\r\n?|\u2028|\u2029/g, '\n').replace(/[^\P{Cc}\t\n]/gu, '');
