// Names of models and pictures as a reader sees them: the table of the figures, n2nf_core/plots/labels.json.
import LABELS from "../../plots/labels.json" with { type: "json" };

export const labelOf = (name) => LABELS[name] ?? name;

// As it stands in a title or at the start of a table's row.
export function headingOf(name) {
  const label = labelOf(name);
  return label.charAt(0).toUpperCase() + label.slice(1);
}
