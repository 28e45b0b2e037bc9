/* The index: sorts and searches a table that is there without it. */

const body = document.querySelector("#recordings tbody");
const rows = [...body.rows];
const heads = [...document.querySelectorAll("#recordings th button")];

function key(row, column) {
  const text = row.cells[column].dataset.key;
  return text === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

/** What is empty comes last, whichever way; numbers before text. */
function compared(one, other, direction) {
  if (one === "" || other === "") return (one === "") - (other === "");
  if (typeof one === typeof other) {
    const order = typeof one === "number" ? one - other : one.localeCompare(other, undefined, { numeric: true });
    return direction * order;
  }
  return typeof one === "number" ? -1 : 1;
}

function sort(column, direction) {
  heads.forEach((head, place) => {
    const sorted = direction > 0 ? "ascending" : "descending";
    head.closest("th").setAttribute("aria-sort", place === column ? sorted : "none");
  });
  const keys = new Map(rows.map((row) => [row, key(row, column)]));
  rows.sort((one, other) => compared(keys.get(one), keys.get(other), direction));
  body.append(...rows);
}

heads.forEach((head, column) => {
  head.addEventListener("click", () => {
    const now = head.closest("th").getAttribute("aria-sort");
    // Names begin with A, numbers with the largest.
    const first = head.dataset.first === "descending" ? -1 : 1;
    sort(column, now === "none" ? first : now === "ascending" ? -1 : 1);
  });
});

$("find").addEventListener("input", () => {
  const wanted = $("find").value.toLowerCase();
  for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
  $("none").hidden = rows.some((row) => !row.hidden);
});
chooseTheme($("theme"), () => {});
