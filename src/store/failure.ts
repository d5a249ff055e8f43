/** What can go wrong with a store. */
export type StoreFailure =
  | {
      readonly reason: "store-unusable";
      readonly path: string;
      readonly message: string;
      readonly hint: string;
    }
  | { readonly reason: "disk-full"; readonly path: string }
  | { readonly reason: "program-missing"; readonly program: string; readonly debianPackage: string }
  /** qemu-img ended with an error. */
  | {
      readonly reason: "qemu-img-failed";
      readonly argv: readonly string[];
      readonly stderr: string;
    }
  /** The disk of a stage did not pass `qemu-img check`. */
  | { readonly reason: "disk-corrupt"; readonly path: string; readonly message: string }
  | { readonly reason: "layer-missing"; readonly id: string }
  | {
      readonly reason: "id-unknown";
      readonly text: string;
      readonly suggestions: readonly string[];
    }
  | { readonly reason: "id-ambiguous"; readonly text: string; readonly matches: readonly string[] }
  | { readonly reason: "layer-in-use"; readonly id: string; readonly by: readonly string[] }
  | { readonly reason: "tag-invalid"; readonly name: string; readonly message: string }
  | {
      readonly reason: "disk-size-too-small";
      readonly requestedBytes: number;
      readonly baseBytes: number;
    }
  | { readonly reason: "cancelled" };
