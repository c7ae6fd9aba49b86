// ipywidgets gives a slider's handle and a group of radio buttons no name, and makes no widget a live region.
// This copies the visible label where a screen reader looks for it, for the course's widgets only, once a page.
// Radio buttons that share a name are one stop of Tab, and arrow keys choose among them, as everywhere on the web;
// JupyterLab would take the arrow keys for moving from cell to cell.
(() => {
  if (window.finetuneLabNames) return;
  let groups = 0;
  const arrows = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight'];
  window.addEventListener('keydown', event => {
    if (arrows.includes(event.key) && event.target.matches?.(':is(.ftl-bench, .ftq) input[type=radio]')) event.stopPropagation();
  }, true);
  const named = (part, label) => label && part.setAttribute('aria-label', label.textContent.trim());
  const name = () => {
    document.querySelectorAll('.ftl-bench .noUi-handle:not([aria-label])').forEach(
      handle => named(handle, handle.closest('.widget-slider')?.querySelector('.widget-label')));
    document.querySelectorAll('.ftl-bench .widget-radio-box:not([aria-label])').forEach(group => {
      group.setAttribute('role', 'radiogroup');
      named(group, group.closest('.widget-radio')?.querySelector('.widget-label'));
    });
    document.querySelectorAll(':is(.ftl-bench, .ftq) .widget-radio-box').forEach(group => {
      const unnamed = group.querySelectorAll('input:not([name])');
      if (unnamed.length) groups += 1;
      unnamed.forEach(button => { button.name = `finetune-lab-${groups}`; });
    });
    document.querySelectorAll('.ftl-bench .ftl-live > .widget-html-content:not([aria-live])').forEach(line => {
      line.setAttribute('role', 'status');
      line.setAttribute('aria-live', 'polite');
    });
  };
  window.finetuneLabNames = new MutationObserver(name);
  window.finetuneLabNames.observe(document.body, {childList: true, subtree: true});
  name();
})();
