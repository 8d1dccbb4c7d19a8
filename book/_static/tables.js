// Tables that sort by their heads, filter as one types, and can be taken along as CSV.
// Works on the classes sortable, filterable and downloadable; without scripts the tables just stand.

(function () {
  "use strict";

  const missing = new Set(["", "–", "—"]);

  // ".631 (.600–.662)" sorts as .631, "1,234" as 1234, "0.10" of a row id as report 0, number 10
  function key(cell, asRowId) {
    const text = cell.textContent.trim();
    if (missing.has(text)) return null;
    if (asRowId) {
      const parts = text.split(".").map(Number);
      return parts[0] * 1000 + parts[1];
    }
    const number = text.replace(/,/g, "").replace("−", "-").match(/^-?\d*\.?\d+(e[-+]?\d+)?/i);
    return number && !/^\d{4}-\d\d/.test(text) ? parseFloat(number[0]) : text.toLowerCase();
  }

  function sort(table, column, descending) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const texts = rows.map((row) => row.cells[column].textContent.trim());
    const head = table.tHead.rows[0].cells[column].textContent.trim();
    const asRowId = head.toLowerCase() === "row" && texts.every((text) => /^\d\.\d+$/.test(text));
    const keyed = rows.map((row) => [key(row.cells[column], asRowId), row]);
    const sign = descending ? -1 : 1;
    keyed.sort(function (a, b) {
      if (a[0] === null || b[0] === null) return (a[0] === null) - (b[0] === null);
      if (typeof a[0] === "number" && typeof b[0] === "number") return sign * (a[0] - b[0]);
      return sign * String(a[0]).localeCompare(String(b[0]), undefined, { numeric: true });
    });
    keyed.forEach((pair) => body.appendChild(pair[1]));
  }

  function makeSortable(table) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      const button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) button.appendChild(head.firstChild);
      head.appendChild(button);
      button.addEventListener("click", function () {
        const descending = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sort(table, column, descending);
      });
    });
  }

  function csv(table) {
    const quote = (cell) => '"' + cell.textContent.trim().replace(/"/g, '""') + '"';
    const rows = [table.tHead.rows[0], ...table.tBodies[0].rows];
    return rows.map((row) => Array.from(row.cells, quote).join(",")).join("\r\n") + "\r\n";
  }

  function tools(table) {
    const bar = document.createElement("div");
    bar.className = "table-tools";
    if (table.classList.contains("filterable")) {
      const input = document.createElement("input");
      input.type = "search";
      input.placeholder = "Filter rows";
      input.setAttribute("aria-label", "Filter rows");
      input.addEventListener("input", function () {
        const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        for (const row of table.tBodies[0].rows) {
          const text = row.textContent.toLowerCase();
          row.hidden = !wanted.every((word) => text.includes(word));
        }
      });
      bar.appendChild(input);
    }
    if (table.classList.contains("downloadable")) {
      const link = document.createElement("a");
      link.textContent = "Download as CSV";
      link.download = (table.id || "table") + ".csv";
      link.href = "data:text/csv;charset=utf-8," + encodeURIComponent(csv(table));
      bar.appendChild(link);
    }
    const frame = table.closest(".pst-scrollable-table-container") || table;
    if (bar.children.length) frame.parentNode.insertBefore(bar, frame);
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("table.sortable").forEach(function (table) {
      if (!table.tHead || !table.tBodies.length) return;
      tools(table);
      makeSortable(table);
    });
  });
})();
