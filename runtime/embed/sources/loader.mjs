// $NAME$: a model that gradc built, as WebAssembly; its weights are inside.
//
//     import { load } from "./$NAME$.mjs";
//     const model = await load();             // reads $NAME$.wasm beside this file
//     const found = model.run($CALL$);
//
// An input is a typed array, or a list of numbers, with examples one after another, row-major.
// `run` gives $GIVES$.

export const MODEL = $FACTS$;

const ARRAYS = { Float32Array, Float64Array, Int32Array, BigInt64Array };

// erf(x) = 2/sqrt(pi) exp(-x^2) (x + 2x^3/3 + 4x^5/15 + ...): every term is positive.
function erf(x) {
    if (!(Math.abs(x) < 6)) return x !== x ? x : Math.sign(x);
    let term = x, sum = x;
    for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
        term *= (2 * x * x) / (2 * k + 1);
        sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const { exp, expm1, log, log1p, tanh, sin, cos, pow } = Math;
const math = { exp, expm1, log, log1p, tanh, erf, sin, cos, pow };

// Of a result there is one for all examples.
function rows(one, count) {
    return one.role === "result" ? 1 : count;
}

class Model {
    constructor(instance) {
        this.own = instance.exports;
        this.base = (this.own.__heap_base.value + 15) & ~15;
    }

    // The outputs for the examples that the inputs hold: one array, or an object of several.
    run(inputs, count) {
        const given = MODEL.arguments.filter((one) => one.role === "input");
        for (const name of Object.keys(inputs))
            if (!given.some((one) => one.name === name))
                throw new Error(`$NAME$ has no input ${name}; it reads ${given.map((one) => one.name).join(", ") || "nothing"}`);
        for (const one of given) count = this.examples(one, inputs[one.name], count);
        if (!(Number.isInteger(count) && count >= 0)) throw new Error("run needs a number of examples");
        const places = this.placed(count);
        for (const one of given) this.view(one, places, count).set(this.converted(one, inputs[one.name]));
        const code = this.own.run(...MODEL.arguments.map((one) => places.get(one.name)), count);
        if (code !== 0) throw new Error(`$NAME$: ${this.message(code)}`);
        const outputs = MODEL.arguments.filter((one) => one.role !== "input");
        const found = outputs.map((one) => [one.name, this.view(one, places, count).slice()]);
        return found.length === 1 ? found[0][1] : Object.fromEntries(found);
    }

    // How many examples an input holds: as many as the others.
    examples(one, values, count) {
        if (values === undefined) throw new Error(`$NAME$ needs ${one.name}`);
        const found = values.length / one.size;
        if (!Number.isInteger(found))
            throw new Error(`${one.name} has ${values.length} numbers, and an example has ${one.size}`);
        if (count !== undefined && found !== count)
            throw new Error(`${one.name} has ${found} examples, and there should be ${count}`);
        return found;
    }

    // Where each array lies in the memory of the module, which grows where it has to.
    placed(count) {
        const places = new Map();
        let end = this.base;
        for (const one of MODEL.arguments) {
            places.set(one.name, end);
            const bytes = rows(one, count) * one.size * ARRAYS[one.array].BYTES_PER_ELEMENT;
            end += Math.ceil(Math.max(bytes, 1) / 16) * 16;
        }
        const missing = end - this.own.memory.buffer.byteLength;
        if (missing > 0) this.own.memory.grow(Math.ceil(missing / 65536));
        return places;
    }

    view(one, places, count) {
        return new ARRAYS[one.array](this.own.memory.buffer, places.get(one.name), rows(one, count) * one.size);
    }

    converted(one, values) {
        return one.array === "BigInt64Array" ? Array.from(values, BigInt) : values;
    }

    // What a code says, in English.
    message(code) {
        const bytes = new Uint8Array(this.own.memory.buffer, this.own.message(code));
        return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
    }
}

// The model of a module: of its bytes, or of $NAME$.wasm beside this file.
export async function load(bytes) {
    const made = await WebAssembly.instantiate(bytes ?? (await beside()), { math });
    return new Model(made.instance);
}

async function beside() {
    const place = new URL("./$NAME$.wasm", import.meta.url);
    if (place.protocol === "file:") return (await import("node:fs/promises")).readFile(place);
    const answer = await fetch(place);
    if (!answer.ok) throw new Error(`${place} cannot be read: ${answer.status}`);
    return answer.arrayBuffer();
}
