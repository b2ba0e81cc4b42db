export * from "../kernel/exports.js";
