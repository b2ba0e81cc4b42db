export { StoreError } from "./store/store-error.js";
