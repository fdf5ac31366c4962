"use strict";
// Price panels: drag to zoom, drag with shift to move, double click for the whole. The picture in the page is kept and put
// back; what is drawn here comes from the numbers beside it, with the margins of the other plots.
(function () {
  var LEFT = 68, RIGHT = 14, TOP = 14, BOTTOM = 38, WIDTH = 984, HEIGHT = 320;
  var plain = function (list) { var sum = 0; return list.map(function (step) { return sum += step; }); };
  var place = function (list, value) { // the first place with more than value
    var low = 0, high = list.length;
    while (low < high) { var mid = (low + high) >> 1; if (list[mid] > value) high = mid; else low = mid + 1; }
    return low;
  };
  var nice = function (raw) {
    var power = Math.pow(10, Math.floor(Math.log10(raw)));
    var found = [1, 2, 5, 10].filter(function (m) { return m * power >= raw * 0.999999; });
    return found[0] * power;
  };
  var pad = function (n, width) { return String(n).padStart(width, "0"); };

  document.querySelectorAll(".panel").forEach(function (panel) {
    var svg = panel.querySelector("svg"), data = JSON.parse(panel.querySelector("script").textContent);
    var whole = svg.innerHTML, from = 0, to = data.span, y = null;
    var series = function (lists) { return { ts: plain(lists[0]), bid: plain(lists[1]), ask: plain(lists[2]) }; };
    var market = series(data.market), ours = series(data.ours);
    var fills = { ts: plain(data.fills[0]), px: plain(data.fills[1]), qty: data.fills[2], taker: data.fills[3] };
    var px = function (t) { return LEFT + (t - from) / (to - from) * (WIDTH - LEFT - RIGHT); };
    var py = function (p) { return HEIGHT - BOTTOM - (p - y[0]) / (y[1] - y[0]) * (HEIGHT - TOP - BOTTOM); };
    var clock = function (t, step) {
      var us = (data.clock + t) % 86400e6, s = Math.floor(us / 1e6);
      var text = pad(Math.floor(s / 3600), 2) + ":" + pad(Math.floor(s / 60) % 60, 2) + ":" + pad(s % 60, 2);
      var places = step >= 1e6 ? 0 : Math.min(6, Math.ceil(-Math.log10(step / 1e6)));
      return places ? text + "." + pad(Math.floor(us % 1e6), 6).slice(0, places) : text;
    };
    var range = function () {
      var low = null, high = null;
      var see = function (p) { if (p > 0) { if (low === null || p < low) low = p; if (high === null || p > high) high = p; } };
      [market, ours].forEach(function (s) {
        var i = Math.max(0, place(s.ts, from) - 1), end = place(s.ts, to);
        for (; i < end; i++) { see(s.bid[i]); see(s.ask[i]); }
      });
      for (var i = place(fills.ts, from - 1); i < fills.ts.length && fills.ts[i] <= to; i++) see(fills.px[i]);
      if (low === null) { low = 0; high = 1; }
      var air = Math.max((high - low) * 0.05, 0.5);
      y = [low - air, high + air];
    };
    var path = function (s, side, name) {
      var i = Math.max(0, place(s.ts, from) - 1), end = place(s.ts, to), text = "", open = false;
      while (i < end) {
        // All changes of one pixel become one stroke from the lowest to the highest.
        var x = Math.max(px(s.ts[i]), LEFT), column = Math.floor(x), low = null, high = null, last = 0;
        while (i < end && Math.floor(Math.max(px(s.ts[i]), LEFT)) === column) {
          last = s[side][i];
          if (last > 0) { if (low === null || last < low) low = last; if (high === null || last > high) high = last; }
          i++;
        }
        if (low !== null) {
          text += open ? "H" + x.toFixed(1) + "V" + py(low).toFixed(1) : "M" + x.toFixed(1) + " " + py(low).toFixed(1);
          if (high !== low) text += "V" + py(high).toFixed(1);
          if (last > 0) text += "V" + py(last).toFixed(1);
          open = last > 0;
        } else if (open) { text += "H" + x.toFixed(1); open = false; }
      }
      if (open) text += "H" + (WIDTH - RIGHT);
      return text ? '<path class="line ' + name + '" d="' + text + '"/>' : "";
    };
    var axes = function () {
      var foot = HEIGHT - BOTTOM, right = WIDTH - RIGHT, text = "", at, step;
      step = nice((y[1] - y[0]) * data.unit / 6);
      var places = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step) - 1e-9)));
      for (at = Math.ceil(y[0] * data.unit / step); at * step <= y[1] * data.unit; at++) {
        var h = py(at * step / data.unit).toFixed(1);
        text += '<path class="grid" d="M' + LEFT + " " + h + "H" + right + '"/><text class="end" x="' + (LEFT - 7) + '" y="' + (+h + 3.5) + '">' + (at * step).toFixed(places) + "</text>";
      }
      var steps = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 2e6, 5e6, 1e7, 3e7, 6e7, 3e8, 6e8, 1.8e9, 3.6e9, 7.2e9];
      var near = steps.filter(function (s) { return s >= (to - from) / 8; });
      step = near.length ? near[0] : 1.44e10;
      for (at = Math.ceil((data.clock + from) / step) * step - data.clock; at <= to; at += step) {
        var v = px(at).toFixed(1);
        text += '<path class="axis" d="M' + v + " " + foot + "V" + (foot + 4) + '"/><text class="mid" x="' + v + '" y="' + (foot + 16) + '">' + clock(at, step) + "</text>";
      }
      return text + '<path class="axis" d="M' + LEFT + " " + foot + "H" + right + '"/>';
    };
    var draw = function () {
      range();
      var text = axes() + path(market, "bid", "e") + path(market, "ask", "e") + path(ours, "bid", "c") + path(ours, "ask", "b");
      for (var i = place(fills.ts, from - 1); i < fills.ts.length && fills.ts[i] <= to; i++) {
        var buy = fills.qty[i] > 0;
        text += '<path class="arrow ' + (buy ? "c" : "b") + '" d="M' + px(fills.ts[i]).toFixed(1) + " " + py(fills.px[i]).toFixed(1) + "l3.2 " + (buy ? 6 : -6) + 'h-6.4Z"><title>' +
          (buy ? "bought " : "sold ") + Math.abs(fills.qty[i]) + " at " + +(fills.px[i] * data.unit).toFixed(9) + (fills.taker[i] ? ", taker, " : ", maker, ") + clock(fills.ts[i], 1) + "</title></path>";
      }
      svg.innerHTML = text;
    };
    var show = function (a, b) {
      var least = Math.min(200, data.span), width = Math.max(least, Math.min(data.span, b - a));
      from = Math.max(0, Math.min(a, data.span - width));
      to = from + width;
      if (width >= data.span) { svg.innerHTML = whole; } else { draw(); }
    };
    var time = function (event) {
      var box = svg.getBoundingClientRect(), x = (event.clientX - box.left) * WIDTH / box.width;
      var share = Math.max(0, Math.min(1, (x - LEFT) / (WIDTH - LEFT - RIGHT)));
      return from + share * (to - from);
    };
    var start = null, moved = null;
    svg.addEventListener("mousedown", function (event) {
      event.preventDefault();
      start = time(event);
      moved = event.shiftKey ? { from: from, to: to, x: event.clientX } : null;
    });
    window.addEventListener("mousemove", function (event) {
      if (start === null) return;
      if (moved) {
        var shift = (event.clientX - moved.x) / svg.getBoundingClientRect().width * WIDTH / (WIDTH - LEFT - RIGHT) * (moved.to - moved.from);
        show(moved.from - shift, moved.to - shift);
        return;
      }
      var old = svg.querySelector(".chosen");
      if (old) old.remove();
      var a = px(start), b = px(time(event));
      svg.insertAdjacentHTML("beforeend", '<rect class="chosen" x="' + Math.min(a, b).toFixed(1) + '" y="' + TOP + '" width="' + Math.abs(b - a).toFixed(1) + '" height="' + (HEIGHT - TOP - BOTTOM) + '"/>');
    });
    window.addEventListener("mouseup", function (event) {
      if (start === null) return;
      var a = start, b = time(event), wasMoved = moved;
      start = moved = null;
      var old = svg.querySelector(".chosen");
      if (old) old.remove();
      if (!wasMoved && Math.abs(px(a) - px(b)) > 4) show(Math.min(a, b), Math.max(a, b));
    });
    svg.addEventListener("dblclick", function () { show(0, data.span); });
  });
})();
