import { currentSource } from "../../kernel/configured.js";
import { checkNames } from "../../kernel/named.js";
import { checkOptions } from "../../kernel/options.js";
import { isPlainObject } from "../../kernel/plain-object.js";
import { custom, fileFields, type Rule } from "../../kernel/rules.js";
import { unlike } from "../../kernel/show.js";
import { RetryBudget, type RetryBudgetOptions, retryBudgetRules } from "./retry-budget.js";

/** The budget of a retry or hedge: itself, the options of a new one, or the name of one in the configuration. */
export type BudgetOption = RetryBudget | RetryBudgetOptions | string;

/** A budget made by the package's other build is accepted as well. */
function isBudget(value: unknown): value is RetryBudget {
  const { enter, leave, tryExtra, leaveExtra } = (value ?? {}) as Partial<RetryBudget>;
  return [enter, leave, tryExtra, leaveExtra].every((method) => typeof method === "function");
}

/** The rule of an option that takes a budget. */
export const budgetRule: Rule<BudgetOption | undefined> = custom<BudgetOption | undefined>({
  allowed: "a RetryBudget, its options, or the name of one in the configuration",
  file: {
    kind: "either",
    shapes: [
      { kind: "name", section: "retryBudget" },
      { kind: "object", fields: fileFields(retryBudgetRules) },
    ],
  },
  parse(value, label) {
    if ((typeof value === "string" && value !== "") || isBudget(value)) return value;
    if (!isPlainObject(value)) throw new TypeError(unlike(label, budgetRule.allowed, value));
    checkOptions(label, retryBudgetRules, value);
    return value;
  },
});

/**
 * The budget that a checked option stands for. All that name one share it: those of a registry, or those made by
 * plain constructors under one configuration.
 *
 * @throws TypeError when there is no budget of that name.
 */
export function budgetOf(given: BudgetOption | undefined): RetryBudget | undefined {
  if (given === undefined || isBudget(given)) return given;
  if (typeof given !== "string") return new RetryBudget(given);
  checkNames(budgetRule.file, given, "budget");
  const make = (): RetryBudget => new RetryBudget({ name: given });
  const shared = currentSource().retryBudget?.(given, make);
  return isBudget(shared) ? shared : make();
}
