# SPDX-License-Identifier: Apache-2.0
"""A reading of C that knows just enough for the style lint: declarations at file scope, functions,
and how deep their statements nest.

It is no compiler: macros stand as they are, and of a file with conditional code all branches are
read one after the other. Text that it cannot follow raises Unreadable, so that nothing passes
unread."""

import re

import lintlib

TOKEN = re.compile(r'[A-Za-z_]\w*|\d[\w.]*|"\s*"|\'\s*\'|\S')
CLOSING = {'(': ')', '[': ']', '{': '}'}
CONTROLS = ('for', 'while', 'switch')


class Unreadable(Exception):
    pass


class Token:
    def __init__(self, text, line):
        self.text = text
        self.line = line


def tokenize(text):
    clean = lintlib.without_directives(lintlib.without_comments(text))
    tokens, line, at = [], 1, 0
    for match in TOKEN.finditer(clean):
        line += clean.count('\n', at, match.start())
        at = match.start()
        tokens.append(Token(match.group(0), line))
    return tokens


def skip_group(tokens, i):
    """The index behind the bracket that closes the one at I."""
    closing = CLOSING[tokens[i].text]
    start = i
    i += 1
    while i < len(tokens) and tokens[i].text != closing:
        i = skip_group(tokens, i) if tokens[i].text in CLOSING else i + 1
    if i >= len(tokens):
        raise Unreadable('line %d: "%s" is not closed' % (tokens[start].line, tokens[start].text))
    return i + 1


class Function:
    """BODY is what stands between the braces."""

    def __init__(self, name, tokens, first, last):
        self.name = name
        self.line = tokens[first].line
        self.body = tokens[first + 1:last]
        self.lines = tokens[last].line - self.line + 1


def function_name(head):
    names = [t.text for i, t in enumerate(head[:-1])
             if head[i + 1].text == '(' and re.match(r'[A-Za-z_]', t.text)]
    return names[0] if names else '?'


def is_function_head(head):
    return bool(head) and head[-1].text == ')' and not any(t.text == '=' for t in head) \
        and head[0].text != 'typedef'


def is_macro_call(head):
    """G_DEFINE_…(…) on lines of its own, without a semicolon."""
    return len(head) > 2 and head[0].text.isupper() and head[1].text == '(' \
        and skip_group(head, 1) == len(head)


def read_file(text):
    """(functions, declarations): a declaration is its tokens up to the semicolon."""
    tokens = tokenize(text)
    functions, declarations, head, i = [], [], [], 0
    while i < len(tokens):
        token = tokens[i]
        if is_macro_call(head) and token.text != ';' and token.text != '{':
            head = []
        if token.text == ';':
            declarations.append(head)
            head, i = [], i + 1
        elif token.text in CLOSING:
            end = skip_group(tokens, i)
            if token.text == '{' and is_function_head(head):
                functions.append(Function(function_name(head), tokens, i, end - 1))
                head = []
            else:
                head = head + tokens[i:end]
            i = end
        else:
            head = head + [token]
            i += 1
    return functions, [d for d in declarations if d]


def table_lines(body):
    """How many lines of a body are initialisers of more than one line."""
    count, i = 0, 0
    while i < len(body):
        if body[i].text == '{' and i > 0 and body[i - 1].text == '=':
            end = skip_group(body, i)
            count += body[end - 1].line - body[i].line
            i = end
        else:
            i += 1
    return count


class Nesting:
    """Walks the statements of a body; DEEPEST is the most blocks around one of them."""

    def __init__(self, body):
        self.tokens = body
        self.deepest = 0
        self.line = body[0].line if body else 0
        i = 0
        while i < len(body):
            i = self.statement(i, 0)

    def text(self, i):
        return self.tokens[i].text if i < len(self.tokens) else ''

    def block(self, i, depth):
        end = skip_group(self.tokens, i)
        i += 1
        while i < end - 1:
            i = self.statement(i, depth)
        return end

    def inner(self, i, depth):
        """The statement a control keyword governs, in braces or not."""
        if self.text(i) == '{':
            return self.block(i, depth)
        return self.statement(i, depth)

    def condition(self, i):
        if self.text(i) != '(':
            raise Unreadable('line %d: no condition' % self.tokens[i - 1].line)
        return skip_group(self.tokens, i)

    def statement(self, i, depth):
        if depth > self.deepest:
            self.deepest = depth
            self.line = self.tokens[i].line if i < len(self.tokens) else self.line
        word = self.text(i)
        if word == '{':
            return self.block(i, depth + 1)
        if word == 'if':
            return self.alternatives(i, depth)
        if word in CONTROLS:
            return self.inner(self.condition(i + 1), depth + 1)
        if word == 'do':
            return self.plain(self.inner(i + 1, depth + 1))
        if word in ('case', 'default'):
            return self.label(i)
        return self.plain(i)

    def alternatives(self, i, depth):
        i = self.inner(self.condition(i + 1), depth + 1)
        if self.text(i) != 'else':
            return i
        if self.text(i + 1) == 'if':
            return self.alternatives(i + 1, depth)
        return self.inner(i + 1, depth + 1)

    def label(self, i):
        while i < len(self.tokens) and self.text(i) != ':':
            i = skip_group(self.tokens, i) if self.text(i) in CLOSING else i + 1
        return i + 1

    def plain(self, i):
        while i < len(self.tokens) and self.text(i) != ';':
            i = skip_group(self.tokens, i) if self.text(i) in CLOSING else i + 1
        return i + 1


def static_locals(body):
    """The declarations in a body that begin with 'static'."""
    found, i = [], 0
    while i < len(body):
        if body[i].text != 'static':
            i += 1
            continue
        start = i
        while i < len(body) and body[i].text != ';':
            i = skip_group(body, i) if body[i].text in CLOSING else i + 1
        found.append(body[start:i])
    return found


def declarator_words(tokens):
    """The declaration without brackets of arrays, braces and attributes, up to an '='."""
    kept, i = [], 0
    while i < len(tokens) and tokens[i].text != '=':
        if tokens[i].text in ('[', '{'):
            i = skip_group(tokens, i)
        elif tokens[i].text == '__attribute__':
            i = skip_group(tokens, i + 1)
        else:
            kept.append(tokens[i].text)
            i += 1
    return kept


def mutable_function_pointer(words, opening):
    declarator = words[opening + 2:words.index(')', opening)]
    names = [w for w in declarator if re.match(r'[A-Za-z_]', w) and w != 'const']
    return None if 'const' in declarator else (names or ['?'])[0]


def mutable_variable(tokens):
    """The name of the variable a declaration makes if it can change, else None."""
    words = declarator_words(tokens)
    if not words or words[0] in ('typedef', 'extern', 'G_STATIC_ASSERT', '_Static_assert'):
        return None
    if '(' in words:
        opening = words.index('(')
        is_pointer = words[opening + 1] == '*'
        return mutable_function_pointer(words, opening) if is_pointer else None
    if words[0] in ('struct', 'union', 'enum') and len(words) <= 2:
        # A type, unless "struct {…} variable", whose braces are gone as well.
        has_tag = len(tokens) > 1 and tokens[1].text != '{'
        return None if has_tag or len(words) == 1 else words[1]
    last_star = max((i for i, w in enumerate(words) if w == '*'), default=0)
    return None if 'const' in words[last_star:] else words[-1]
