// $NAME$: a model that gradc built, as WebAssembly; its weights are inside.
//
//     import { load } from "./$NAME$.mjs";
//     const model = await load();             // reads $NAME$.wasm beside this file
//     const found = model.run($CALL$);
//
// An input is a typed array, or a list of numbers, with examples one after another, row-major.
// Of sequences the elements of all examples stand so, and how many each example has is a list of
// its own, such as `rows_lengths`; without it, all elements are one sequence.
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
const math = { exp, expm1, log, log1p, tanh, erf, sin, cos, pow, fmod: (x, y) => x % y };

class Model {
    constructor(instance) {
        this.own = instance.exports;
        this.base = (this.own.__heap_base.value + 15) & ~15;
    }

    // The outputs for the examples that the inputs hold: one array, or an object of several.
    run(inputs, count) {
        const given = MODEL.arguments.filter((one) => one.role === "input" || one.role === "lengths");
        for (const name of Object.keys(inputs))
            if (!given.some((one) => one.name === name))
                throw new Error(`$NAME$ has no input ${name}; it reads ${given.map((one) => one.name).join(", ") || "nothing"}`);
        const own = (name) => (Object.hasOwn(inputs, name) ? inputs[name] : undefined);
        const values = new Map(given.map((one) => [one.name, own(one.name) ?? this.single(one, own)]));
        const rows = this.rows(given, values, count);
        const places = this.placed(rows);
        for (const one of given) this.view(one, places, rows).set(this.converted(one, values.get(one.name)));
        const code = this.own.run(...MODEL.arguments.map((one) => places.get(one.name)), rows.get("n"));
        if (code !== 0) throw new Error(`$NAME$: ${this.message(code)}`);
        const outputs = MODEL.arguments.filter((one) => one.role === "output" || one.role === "result");
        const found = outputs.map((one) => [one.name, this.view(one, places, rows).slice()]);
        return found.length === 1 ? found[0][1] : Object.fromEntries(found);
    }

    // The length that is not given: all elements are one sequence.
    single(lengths, own) {
        const sequence = MODEL.arguments.find((one) => one.role === "input" && one.lengths === lengths.name);
        if (lengths.role !== "lengths" || !own(sequence?.name)) throw new Error(`$NAME$ needs ${lengths.name}`);
        return [this.parts(sequence, own(sequence.name), "element")];
    }

    // How many parts of its size an array has.
    parts(one, values, part) {
        const found = values.length / one.size;
        if (!Number.isInteger(found))
            throw new Error(`${one.name} has ${values.length} numbers, and an ${part} has ${one.size}`);
        return found;
    }

    // How often an array has numbers of its size: the examples, `n`, or the elements of a time.
    rows(given, values, count) {
        const rows = new Map();
        for (const one of given.filter((one) => one.lengths === null)) {
            const found = this.parts(one, values.get(one.name), "example");
            if (count !== undefined && found !== count)
                throw new Error(`${one.name} has ${found} examples, and there should be ${count}`);
            count = found;
        }
        if (!(Number.isInteger(count) && count >= 0)) throw new Error("run needs a number of examples");
        rows.set("n", count);
        for (const one of given.filter((one) => one.role === "lengths")) rows.set(one.name, this.total(one, values));
        for (const one of given.filter((one) => one.lengths !== null)) {
            const found = this.parts(one, values.get(one.name), "element"), wanted = rows.get(one.lengths);
            if (found !== wanted)
                throw new Error(`${one.name} has ${found} elements, and ${one.lengths} are ${wanted} together`);
        }
        return rows;
    }

    // The elements of all examples.
    total(lengths, values) {
        const each = Array.from(values.get(lengths.name), Number);
        if (!each.every((length) => Number.isInteger(length) && length >= 0))
            throw new Error(`${lengths.name} are whole numbers from 0 on`);
        return each.reduce((sum, length) => sum + length, 0);
    }

    // The numbers of an array: of a result there is one for all examples.
    size(one, rows) {
        return (one.role === "result" ? 1 : rows.get(one.lengths ?? "n")) * one.size;
    }

    // Where each array lies in the memory of the module, which grows where it has to.
    placed(rows) {
        const places = new Map();
        let end = this.base;
        for (const one of MODEL.arguments) {
            places.set(one.name, end);
            const bytes = this.size(one, rows) * ARRAYS[one.array].BYTES_PER_ELEMENT;
            end += Math.ceil(Math.max(bytes, 1) / 16) * 16;
        }
        const missing = end - this.own.memory.buffer.byteLength;
        if (missing > 0) this.own.memory.grow(Math.ceil(missing / 65536));
        return places;
    }

    view(one, places, rows) {
        return new ARRAYS[one.array](this.own.memory.buffer, places.get(one.name), this.size(one, rows));
    }

    // Numbers as an array takes them, which would make 1 of 1.5 and of 4294967297, and NaN of texts.
    converted(one, values) {
        const isNumber = (value) => typeof value === "number" || typeof value === "bigint";
        for (let k = 0; k < values.length; k++)
            if (!isNumber(values[k])) throw new Error(`${one.name} has ${values[k]}, which is no number`);
        if (one.array === "Float32Array" || one.array === "Float64Array") return values;
        const most = one.array === "Int32Array" ? 2 ** 31 : 2 ** 53;
        const wrong = Array.from(values, Number).find((value) => !(Number.isInteger(value) && Math.abs(value) < most));
        if (wrong !== undefined) throw new Error(`${one.name} has ${wrong}, which is no whole number of its kind`);
        return Array.from(values, one.array === "BigInt64Array" ? BigInt : Number);
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
