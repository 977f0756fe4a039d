/* groups.js: School → Grade, each a part of the list that can be folded.  Groups come and go with the records in them; their
 * counts come from the server, which also counts what is not loaded yet. */
import { exportPath, NO_VALUE } from "./api.js";
import { el, setText } from "./dom.js";
import { count, gradeName } from "./words.js";

/* No grade, then K, then 1 to 12, then what is none. */
export function gradeRank(grade) {
  if (!grade || grade === NO_VALUE) return -1;
  if (grade === "K") return 0;
  return Number(grade) || 99;
}

const keyOf = (...parts) => JSON.stringify(parts.map((part) => part || null));

export class GroupList {
  constructor(root) {
    this.root = root;
    this.sections = new Map(); /* keyOf(school) or keyOf(school, grade) → { node, content, counter, tools } */
    this.groups = [];
    this.countOf = () => 0;
  }

  clear() {
    this.sections.clear();
    this.root.replaceChildren();
  }

  /* Puts a record's node into its group; true when it was not there before. */
  place(record, node) {
    const home = this.gradeContent(record.school_name, record.grade);
    if (node.parentElement === home) return false;
    home.append(node);
    this.dropEmpty();
    return true;
  }

  dropEmpty() {
    /* Grades were made after their schools, so the other way round a school has lost its grades before it is looked at. */
    for (const [key, { node, content }] of [...this.sections].reverse()) {
      if (content.childElementCount > 0) continue;
      node.remove();
      this.sections.delete(key);
    }
  }

  /* groups: [{ school, grade, count, needs_review }]; countOf(group): how many of them this list is about. */
  setCounts(groups, countOf) {
    this.groups = groups;
    this.countOf = countOf;
    for (const key of this.sections.keys()) this.draw(key);
  }

  draw(key) {
    const [school, ...grades] = JSON.parse(key);
    const mine = this.groups.filter((group) => (group.school || null) === school && (grades.length === 0 || (group.grade || null) === grades[0]));
    const sum = (of) => mine.reduce((n, group) => n + of(group), 0);
    const { counter, tools } = this.sections.get(key);
    const n = sum(this.countOf);
    setText(counter, n > 0 ? count(n, "record") : "");
    tools.hidden = sum((group) => group.count - group.needs_review) === 0;
  }

  schoolContent(school) {
    const key = keyOf(school);
    if (!this.sections.has(key)) {
      const title = school || "No school";
      const { node } = this.make(key, 2, title, exportPath({ school: school || NO_VALUE }), `Export CSV of ${title}`);
      this.root.append(node);
      this.draw(key);
    }
    return this.sections.get(key).content;
  }

  gradeContent(school, grade) {
    const key = keyOf(school, grade);
    if (!this.sections.has(key)) {
      const parent = this.schoolContent(school);
      const href = exportPath({ school: school || NO_VALUE, grade: grade || NO_VALUE });
      const { node } = this.make(key, 3, gradeName(grade), href, `Export CSV of ${school || "No school"}, ${gradeName(grade)}`);
      node.dataset.rank = gradeRank(grade);
      /* In order, also when an edit makes a new grade in the middle. */
      const after = [...parent.children].find((other) => Number(other.dataset.rank) > gradeRank(grade));
      parent.insertBefore(node, after ?? null);
      this.draw(key);
    }
    return this.sections.get(key).content;
  }

  make(key, level, title, exportHref, exportLabel) {
    const counter = el("span", { class: "group-count" });
    const tools = el("div", { class: "group-tools", hidden: true },
      el("a", { class: "export-link", href: exportHref, download: true, "aria-label": exportLabel }, "Export CSV"));
    const content = el("div", { class: "group-content" });
    const node = el("details", { class: `group level-${level}`, open: true },
      el("summary", null, el(`h${level}`, null, `${title} `, counter)), tools, content);
    const made = { node, content, counter, tools };
    this.sections.set(key, made);
    return made;
  }
}
