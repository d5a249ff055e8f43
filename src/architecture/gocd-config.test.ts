import { expect, test } from "vitest";
import { readYaml } from "../yaml/yaml-source.ts";
import { Problems } from "../spec/problems.ts";
import { gocdConfig } from "./gocd-config.ts";
import { parseArchitecture } from "./parse-architecture.ts";

const request = {
  gitUrl: "https://host/me/images.git",
  branch: "main",
  architecturePath: "examples/architecture.yml",
  imageDir: "generated-images",
};

function config(text: string, changes: Partial<typeof request> = {}) {
  const parsed = parseArchitecture({ name: "a", text });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return gocdConfig(parsed.value.architecture, { ...request, ...changes });
}

test("is the same text for the same architecture", () => {
  const text =
    "owner: me\nimages:\n  rocky-9:\n    name: rocky\n    version: 9.10\n    size: 20G\n  data: {name: yes, size: 1G, format: raw}\n";
  const made = config(text, { branch: "a#b" });
  expect(made.ok && made.value).toMatchInlineSnapshot(`
    "format_version: 10
    environments:
      bare_metal_vm_image:
        environment_variables:
          GIT_USER: "{{SECRET:[github][username]}}"
        pipelines:
          - rocky-9
          - data
    pipelines:
      rocky-9:
        group: bare_metal_vm_image
        label_template: \${COUNT}
        lock_behavior: none
        display_order: -1
        parameters:
          IMAGE: rocky
          IMAGE_PIPELINE: rocky-9
          DEFAULT_TAG: "9.10"
          SRC_DIRECTORY: vm_images
          ARCHITECTURE_PATH: examples/architecture.yml
          IMAGE_PATH: generated-images/rocky-9.qcow2
        materials:
          vm_images:
            git: https://host/me/images.git
            branch: a##b
            destination: vm_images
            username: \${GIT_USER}
            password: "{{SECRET:[github][access_token]}}"
        stages:
          - image:
              jobs:
                image:
                  tasks:
                    - exec:
                        working_directory: "#{SRC_DIRECTORY}"
                        command: vmbuild
                        arguments:
                          - generate
                          - --architecture-path=#{ARCHITECTURE_PATH}
                          - --image=#{IMAGE_PIPELINE}
                          - --image-output-path=#{IMAGE_PATH}
                          - --overwrite
                    - exec:
                        working_directory: "#{SRC_DIRECTORY}"
                        command: vmbuild
                        arguments:
                          - configure
                          - --image-input-path=#{IMAGE_PATH}
      data:
        group: bare_metal_vm_image
        label_template: \${COUNT}
        lock_behavior: none
        display_order: -1
        parameters:
          IMAGE: "yes"
          IMAGE_PIPELINE: data
          DEFAULT_TAG: latest
          SRC_DIRECTORY: vm_images
          ARCHITECTURE_PATH: examples/architecture.yml
          IMAGE_PATH: generated-images/data.raw
        materials:
          vm_images:
            git: https://host/me/images.git
            branch: a##b
            destination: vm_images
            username: \${GIT_USER}
            password: "{{SECRET:[github][access_token]}}"
        stages:
          - image:
              jobs:
                image:
                  tasks:
                    - exec:
                        working_directory: "#{SRC_DIRECTORY}"
                        command: vmbuild
                        arguments:
                          - generate
                          - --architecture-path=#{ARCHITECTURE_PATH}
                          - --image=#{IMAGE_PIPELINE}
                          - --image-output-path=#{IMAGE_PATH}
                          - --overwrite
                    - exec:
                        working_directory: "#{SRC_DIRECTORY}"
                        command: vmbuild
                        arguments:
                          - configure
                          - --image-input-path=#{IMAGE_PATH}
    "
  `);
  expect(config(text, { branch: "a#b" })).toEqual(made);
  // What looks like a number or a truth has stayed a text.
  const yaml = readYaml(new Problems({ name: "gocd", text: made.ok ? made.value : "" }));
  expect(yaml?.value).toMatchObject({
    format_version: 10,
    environments: { bare_metal_vm_image: { pipelines: ["rocky-9", "data"] } },
    pipelines: {
      "rocky-9": { parameters: { DEFAULT_TAG: "9.10" } },
      data: { parameters: { IMAGE: "yes", IMAGE_PATH: "generated-images/data.raw" } },
    },
  });
});

test("a key that cannot name a pipeline is told", () => {
  expect(config("owner: me\nimages:\n  rocky 9: {name: rocky, size: 20G}\n")).toEqual({
    ok: false,
    error: { keys: ["rocky 9"] },
  });
});
